"""Recognize that a vendor has shut an account or its organisation out: nothing but its operator helps.

Vendors say so with 400, 401 or 403, in words of their own.
"""

from __future__ import annotations

import re

from providers.dialects.types import FailureKind
from providers.drivers.base import Outcome, Scope, Verdict

BANNED_SECONDS = 1800.0
"""It is tried twice an hour, in case the operator has settled it with the vendor."""
CALLERS_FAULTS = frozenset(
    (FailureKind.INVALID_REQUEST, FailureKind.AUTHENTICATION, FailureKind.PERMISSION, FailureKind.BILLING)
)
CODES = frozenset(
    (
        *("account_deactivated", "account_disabled", "account_suspended", "account_banned"),
        *("organization_disabled", "organization_deactivated", "organization_suspended"),
        *("user_suspended", "user_banned", "billing_not_active"),
    )
)
_WHO = r"(?:organi[sz]ation|account|workspace|project|user|team|api key|subscription|consumer)"
_DONE = (
    r"(?:disabled|suspended|deactivated|banned|terminated|blocked|closed|restricted|locked|revoked|archived|frozen"
    r"|deleted)(?! (?:to|for|from|in|on)\b)"
)
_HAS_BEEN = r"(?:has been|have been|is|was|were)(?: \w+ly)?"
_WORDS = re.compile(
    rf"\b{_WHO}\b(?:,? [\w'’().:-]+){{0,4}}?,? {_HAS_BEEN} {_DONE}"
    rf"|(?:\byour|['’]s)(?: api)? access {_HAS_BEEN} {_DONE}"
    rf"|^{_WHO} {_DONE}"
    rf"|\byour {_WHO} (?:has|is) expired\b"
    rf"|\bwe(?: have|['’]ve)?(?: \w+ly)? {_DONE} (?:your|this|the) {_WHO}\b"
    r"|\borgani[sz]ation does not have access to claude"
)
"""A feature that is disabled for an organisation is none of these."""
_UNPAID = re.compile(
    r"\binsufficient[ _](?:account )?(?:balance|credits?|funds|quota)|\bout of credits?\b|\barrearage\b"
    r"|\b(?:balance|credits?|funds) (?:is |are )?(?:too low|insufficient|exhausted|not enough)"
    r"|\b(?:billing|usage|spending) hard limit|\bcheck your (?:plan and )?billing|\bspecified api usage limits"
    r"|\bexceeded your current quota|\baccount is (?:in arrears|overdue|not active)"
)
_QUOTED = re.compile(r"(?<!\w)(['\"`]).*?\1(?!\w)")
_OF_A_BODY = re.compile(
    r"^[a-z_]+(?:\.[\w-]+)+:|extra inputs|input (?:should|tag|type)|invalid (?:value|type)|unexpected|validation error"
    r"|un(?:known|recognized|supported) (?:\w+ ){0,2}(?:argument|parameter|field|name|key|value|option)"
)
"""An upstream that finds fault with a body repeats what is in there: a caller could shut accounts out by it."""
READ_CHARACTERS = 1000


def _plain(message: str) -> str:
    """Return the words to look at; "" where they are about the request's body."""
    told = message[:READ_CHARACTERS].lower()
    return "" if _OF_A_BODY.search(told) is not None else _QUOTED.sub("it", told)


def is_banned(message: str, code: str = "") -> bool:
    """Tell whether an error says that the account as a whole is shut out."""
    return code in CODES or _WORDS.search(_plain(message)) is not None


def is_unpaid(message: str) -> bool:
    """Tell whether an error says that the account has no money left."""
    return _UNPAID.search(_plain(message)) is not None


def banned(reason: str, now: float) -> Verdict:
    """Return the verdict on it: another account, and the operator is wanted."""
    return Verdict(
        Outcome.RETRY_OTHER, Scope.ACCOUNT, now + BANNED_SECONDS, needs_operator=True, reason=reason
    )
