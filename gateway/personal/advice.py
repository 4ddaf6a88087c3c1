"""Tell somebody why her call failed and what to do about it: no name and no address of what stands behind us."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from gateway.models import ExchangeRow
from gateway.relay import errors
from gateway.usage import details
from providers.dialects.types import FailureKind

LONGEST = 500
_ADDRESS = re.compile(
    r"(?i)\b[a-z][a-z0-9+.-]*://\S+|\[[0-9a-f:]+\](?::\d+)?|\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b"
    r"|\b(?:[a-z0-9-]+\.)+[a-z]{2,}:\d+\b|\blocalhost:\d+\b"
)
_KINDS = {status: kind for kind, status in errors.STATUSES.items()}
_OWN_WORDS = frozenset(
    (
        FailureKind.INVALID_REQUEST,
        FailureKind.NOT_FOUND,
        FailureKind.TOO_LARGE,
        FailureKind.MEDIA_TYPE,
        FailureKind.CONFLICT,
        FailureKind.METHOD_NOT_ALLOWED,
    )
)
"""Kinds whose words are about the caller's own request, whoever has said them."""
_OF_LIMITS = frozenset((FailureKind.RATE_LIMIT, FailureKind.BILLING, FailureKind.PERMISSION))


class Advice(NamedTuple):
    """Tell what happened, in words, and what to do."""

    message: str
    what_to_do: str


TELL = "Nothing is wrong with your token. Tell your administrator, with the id of the call, if it goes on."
_CUT = Advice("The answer broke off after it had begun.", f"Send the request again. {TELL}")
_BUSY = Advice(
    "The limits of the provider are reached, and no other way was free.",
    "Wait a minute and try again; the gateway has tried every way that it has.",
)
_UPSTREAM: dict[FailureKind, Advice] = {
    FailureKind.AUTHENTICATION: Advice("The gateway could not log in at the provider.", TELL),
    FailureKind.PERMISSION: Advice("The provider does not allow this call.", TELL),
    FailureKind.BILLING: Advice("The provider wants to be paid first.", TELL),
    FailureKind.RATE_LIMIT: _BUSY,
    FailureKind.INTERNAL: Advice("Something went wrong inside.", f"Send the request again. {TELL}"),
    FailureKind.UPSTREAM: Advice(
        "The provider could not be reached, or its answer made no sense.", f"Send the request again. {TELL}"
    ),
    FailureKind.UNAVAILABLE: Advice("Nothing was free to serve this call.", f"Try again in a minute. {TELL}"),
    FailureKind.OVERLOADED: Advice("The provider is overloaded.", "Try again in a few minutes."),
    FailureKind.TIMEOUT: Advice(
        "The provider did not answer in time.", f"Send the request again, or ask for a shorter answer. {TELL}"
    ),
}
_TO_DO: dict[FailureKind, str] = {
    FailureKind.INVALID_REQUEST: "Change the request as the message says.",
    FailureKind.NOT_FOUND: "Choose one of the models that you may use; check the name and the path.",
    FailureKind.TOO_LARGE: "Send less: shorten the conversation (in Claude Code: /compact), or leave files out.",
    FailureKind.MEDIA_TYPE: "Send JSON, with Content-Type: application/json.",
    FailureKind.CONFLICT: "Look at what the message names, and try again.",
    FailureKind.METHOD_NOT_ALLOWED: "Check the path and the method of the request.",
    FailureKind.RATE_LIMIT: "Wait a minute, or send fewer calls at once; your administrator can raise the limit.",
    FailureKind.BILLING: "Wait until the budget resets, or ask your administrator for more.",
    FailureKind.PERMISSION: "Choose what you may use, or ask your administrator for more.",
}


def of(row: ExchangeRow) -> Advice:
    """Return what is told of a failed call."""
    if row.status < 400:
        return _CUT
    kind = _kind(row)
    words = _scrubbed(row)
    is_ours = row.is_refusal and not row.attempts
    if words and (
        kind in _OWN_WORDS or (is_ours and kind in _OF_LIMITS and not words.startswith(errors.ALL_BUSY))
    ):
        return Advice(words, _TO_DO[kind])
    known = _UPSTREAM.get(kind)
    return known or Advice(f"The call was refused with {row.status}.", _TO_DO.get(kind, TELL))


def _kind(row: ExchangeRow) -> FailureKind:
    """Return what went wrong; an upstream's own refusal is known by its status."""
    try:
        return FailureKind(row.failure_kind)
    except ValueError:
        return _KINDS.get(row.status) or (
            FailureKind.UPSTREAM if row.status >= 500 else FailureKind.INVALID_REQUEST
        )


def _scrubbed(row: ExchangeRow) -> str:
    """Return the row's words, without the names of what stands behind us and without addresses."""
    told = details.read(row.details)
    words = row.failure_message or ("" if told.refusal is None else told.refusal.message)
    providers = {row.provider, *(each.provider for each in told.tries)}
    accounts = {row.account, *(each.account for each in told.tries)}
    words = _without(words, accounts, "an account")
    words = _without(words, providers, "the provider")
    return _ADDRESS.sub("(an address)", words)[:LONGEST]


def _without(words: str, names: Iterable[str], instead: str) -> str:
    known = sorted(filter(None, names), key=len, reverse=True)
    if not known:
        return words
    return re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, known))})(?!\w)", instead, words)
