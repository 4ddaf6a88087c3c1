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
_WHO = r"(?:organi[sz]ation|account|workspace|project|user|team|api key)"
_DONE = r"(?:disabled|suspended|deactivated|banned|terminated|blocked|closed|restricted|locked)"
_WORDS = re.compile(
    rf"\b{_WHO}\b(?: [\w'’().-]+){{0,4}}? (?:has been|have been|is|was|were)(?: \w+ly)? "
    rf"{_DONE}(?! (?:to|for|from|in|on)\b)"
)
"""A feature that is disabled for an organisation is none of these."""


def is_banned(message: str, code: str = "") -> bool:
    """Tell whether an error says that the account as a whole is shut out."""
    return code in CODES or _WORDS.search(message[:1000].lower()) is not None


def banned(reason: str, now: float) -> Verdict:
    """Return the verdict on it: another account, and the operator is wanted."""
    return Verdict(
        Outcome.RETRY_OTHER, Scope.ACCOUNT, now + BANNED_SECONDS, needs_operator=True, reason=reason
    )
