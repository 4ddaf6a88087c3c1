"""Anthropic's Messages API: one credential per request, and the verdict on each answer.

The decision table follows the vendor's documentation and what subscriptions are seen to answer.
Nothing here imitates a client: what the caller sent goes out, with our credential in place of theirs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson

from providers.credentials.api_key import ApiKey, Bearer
from providers.credentials.oauth import ClaudeOAuth
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.overflow import overflow_of
from providers.dialects.types import Failure, FailureKind, WireAnswer, WireRequest, header
from providers.drivers import anthropic_limits as limits
from providers.drivers.banned import CALLERS_FAULTS, banned, is_banned, is_unpaid
from providers.drivers.base import UNKNOWN_MODEL, Outcome, QuotaWindow, RouteOption, Scope, Verdict
from providers.drivers.http import HttpDriver
from providers.drivers.retry_after import retry_after
from providers.upstream import CredentialKind, Upstream

VERSION = b"2023-06-01"
MESSAGES = (RouteOption("anthropic"),)
CREDENTIAL_HEADERS = frozenset((b"authorization", b"x-api-key", b"proxy-authorization"))
TRANSPORT_HEADERS = frozenset((b"host", b"content-length", b"transfer-encoding", b"connection"))
BEDROCK_HEADERS = frozenset(
    b"x-amzn-bedrock-" + name
    for name in (
        *(b"trace", b"guardrailidentifier", b"guardrailversion", b"performanceconfig-latency"),
        *(b"service-tier", b"request-metadata"),
    )
)
"""What callers ask of Bedrock means nothing elsewhere."""
DROPPED_HEADERS = CREDENTIAL_HEADERS | TRANSPORT_HEADERS | BEDROCK_HEADERS

FORBIDDEN_SECONDS = 1800.0
SPEND_SECONDS = 3600.0
UNKNOWN_MODEL_SECONDS = 3600.0
SPEND_CODES = frozenset(
    ("enforced_spend_limit_reached", "contract_spend_limit_reached", "ramp_limit_exceeded")
)
CREDIT_WORDS = ("extra usage", "usage credits", "long context")
FOREIGN_WORDS = re.compile(
    r"invalid `?(?:signature|data)|signature\b.{0,60}(?:invalid|mismatch|verif|not valid)"
    r"|expected `?(?:redacted_)?thinking"
    r"|thinking`?.{0,60}(?:can ?not|could not|must not) be (?:modified|verified|decrypted)"
    r"|encrypted[_ ](?:content|data)|advisor.{0,80}(?:decrypt|invalid|not valid|another|different|could not)"
    r"|(?:could not|unable to|failed to) decrypt"
)
"""What is said of blocks that another account, provider or gateway has signed or sealed."""
IDENTITY_WORDS = "only authorized for use with claude code"
IDENTITY_REASON = (
    "a subscription credential was used by something else than Claude Code: the vendor refuses that, sometimes "
    "with a rate-limit error that is none. Use an API key for other clients"
)
TAKEN = Verdict(Outcome.OK)
OUR_UPSTREAM_FAULTS = frozenset(
    (
        FailureKind.UPSTREAM,
        FailureKind.TIMEOUT,
        FailureKind.INTERNAL,
        FailureKind.OVERLOADED,
        FailureKind.UNAVAILABLE,
    )
)


class AnthropicDriver(HttpDriver):
    """The driver of Anthropic's API.

    Stateless; one for all accounts.
    """

    kind = "anthropic"
    label = "Anthropic"
    words: tuple[str, ...] = ("claude",)
    lists_models = True
    list_query = b"limit=1000"
    has_native_paths = True
    needs_credential = True
    maps_models = True
    takes_callers_login = True
    strategies = {
        CredentialKind.API_KEY: ApiKey(b"x-api-key"),
        CredentialKind.OAUTH: ClaudeOAuth(),
        CredentialKind.CALLER: Bearer(),
    }

    def claims(self, model: str) -> bool:
        """Claim the names that Anthropic gives."""
        return model.lower().startswith(("claude-", "anthropic"))

    def dialects(self, responses: str, surface: str) -> Sequence[RouteOption]:
        """Speak Messages, whatever the surface."""
        return MESSAGES

    def headers(self, upstream: Upstream, request: WireRequest) -> list[tuple[bytes, bytes]]:
        """Return them as they came, in order and repeated, with the operator's own in place of the same names."""
        dropped = DROPPED_HEADERS
        extra: tuple[tuple[bytes, bytes], ...] = ()
        if upstream.headers:
            extra = tuple((key.lower().encode(), value.encode()) for key, value in upstream.headers.items())
            extra = tuple(pair for pair in extra if pair[0] not in DROPPED_HEADERS)
            dropped = dropped | {key for key, _ in extra}
        headers = [pair for pair in request.headers if pair[0] not in dropped]
        headers.extend(extra)
        for name, _ in headers:
            if name == b"anthropic-version":
                return headers
        headers.append((b"anthropic-version", VERSION))
        return headers

    def classify(self, seen: WireAnswer | Failure, now: float) -> Verdict:
        """Return the verdict on an answer; see `providers.drivers.base.Driver`."""
        if isinstance(seen, Failure):
            return _of_failure(seen, now)
        told = tuple([pair for pair in seen.headers if pair[0].startswith(limits.PREFIX)])
        if seen.status >= 400:
            return self.refused(seen, limits.windows(told), now)
        if not told:
            return TAKEN
        is_warning = limits.unified_status(told) == "allowed_warning"
        return Verdict(Outcome.OK, is_warning=is_warning, windows=limits.windows(told))

    def refused(self, seen: WireAnswer, quota: tuple[QuotaWindow, ...], now: float) -> Verdict:
        """Return the verdict on an error; `quota`: what it says of limits."""
        return _of_error(seen, quota, now)


def _of_error(seen: WireAnswer, quota: tuple[QuotaWindow, ...], now: float) -> Verdict:
    status = seen.status
    kind, message, code = _error_words(seen.body)
    if status == 429:
        return _of_429(seen, quota, (message, code), now)
    if status in (400, 401, 403) and is_banned(message, code):
        return banned(f"upstream returned {status}: {message[:200]}", now)
    if status == 401:
        return Verdict(
            Outcome.RETRY_OTHER, Scope.ACCOUNT, needs_refresh=True, reason=f"upstream returned 401: {message}"
        )
    if status == 402 or (status in (400, 403) and is_unpaid(message)):
        return _spend(status, message, now)
    if status == 403:
        is_disabled = "organization" in message.lower() and "disabled" in message.lower()
        return Verdict(
            Outcome.RETRY_OTHER, Scope.ACCOUNT, now + FORBIDDEN_SECONDS,
            needs_operator=is_disabled, reason=f"upstream returned 403: {message}",
        )  # fmt: skip
    if status == 404 and kind == "not_found_error" and "model" in message.lower():
        return Verdict(
            Outcome.RETRY_OTHER,
            Scope.MODEL,
            now + UNKNOWN_MODEL_SECONDS,
            is_unknown_model=True,
            reason=UNKNOWN_MODEL,
        )
    is_overflow = status != 413 and overflow_of(message, status, code, kind) is not None
    if (status == 408 or status >= 500) and not is_overflow:
        should_retry = header(seen.headers, b"x-should-retry") != b"false"
        outcome = Outcome.RETRY_OTHER if should_retry else Outcome.GIVE_UP
        return Verdict(outcome, Scope.PROVIDER, reason=f"upstream returned {status}")
    reason = IDENTITY_REASON if IDENTITY_WORDS in message.lower() else f"upstream returned {status}"
    is_foreign = status == 400 and FOREIGN_WORDS.search(message.lower()) is not None
    return Verdict(
        Outcome.GIVE_UP, Scope.REQUEST, is_overflow=is_overflow, is_foreign=is_foreign, reason=reason
    )


def _of_429(seen: WireAnswer, quota: tuple[QuotaWindow, ...], words: tuple[str, str], now: float) -> Verdict:
    message, code = words
    if code in SPEND_CODES or any(known in message for known in SPEND_CODES):
        return _spend(429, message, now)
    after = retry_after(seen.headers, now)
    rejected = [window for window in quota if window.status == "rejected"]
    is_unified = bool(limits.unified_status(seen.headers))
    if not rejected and any(found in message.lower() for found in CREDIT_WORDS):
        return Verdict(
            Outcome.GIVE_UP, Scope.REQUEST, reason=f"upstream returned 429: {message}", windows=quota
        )
    if is_unified and (rejected or limits.unified_status(seen.headers) == "rejected"):
        return _of_unified(seen, rejected, after, now)
    if rejected or after is not None:
        until = _latest(after, *(window.resets_at for window in rejected), now=now)
        return Verdict(Outcome.RETRY_OTHER, Scope.MODEL, until, reason="upstream returned 429", windows=quota)
    if message.strip().lower() == "error":
        return Verdict(Outcome.RETRY_OTHER, Scope.REQUEST, reason=IDENTITY_REASON, windows=quota)
    return Verdict(Outcome.RETRY_OTHER, Scope.MODEL, reason="upstream returned 429", windows=quota)


def _of_unified(seen: WireAnswer, rejected: list[QuotaWindow], after: float | None, now: float) -> Verdict:
    """Return the verdict on a used-up window of a subscription.

    Its scope is the account, or one model family only.
    """
    if rejected:
        is_family = not any(window.name in limits.ACCOUNT_WINDOWS for window in rejected)
    else:
        is_family = limits.claims_family(seen.headers)
    resets = [window.resets_at for window in rejected]
    if not any(resets):
        resets.append(limits.unified_reset(seen.headers))
    names = ", ".join(window.name for window in rejected) or "subscription"
    return Verdict(
        Outcome.RETRY_OTHER,
        Scope.FAMILY if is_family else Scope.ACCOUNT,
        _latest(after, *resets, now=now),
        reason=f"upstream returned 429: {names} limit reached",
        windows=limits.windows(seen.headers),
    )


def _latest(*moments: float | None, now: float) -> float | None:
    """Return the latest of the moments that are still ahead.

    None when there is none, and the pool backs off.
    """
    ahead = [moment for moment in moments if moment is not None and moment > now]
    return max(ahead, default=None)


def _spend(status: int, message: str, now: float) -> Verdict:
    """Return the verdict on a limit on money.

    No header says when it ends, so it is tried once an hour until the operator acts.
    """
    reason = f"upstream returned {status}: spend limit reached ({message[:120]})"
    return Verdict(
        Outcome.RETRY_OTHER, Scope.ACCOUNT, now + SPEND_SECONDS, needs_operator=True, reason=reason
    )


def _of_failure(failure: Failure, now: float) -> Verdict:
    """Return the verdict on no answer, or on an error inside a 200 stream."""
    reason = f"upstream failed: {failure.message[:200]}"
    if failure.kind in CALLERS_FAULTS and is_banned(failure.message):
        return banned(reason, now)
    if failure.kind in OUR_UPSTREAM_FAULTS:
        return Verdict(Outcome.RETRY_OTHER, Scope.PROVIDER, reason=reason)
    if failure.kind is FailureKind.RATE_LIMIT:
        until = None if failure.retry_after_seconds is None else now + failure.retry_after_seconds
        return Verdict(Outcome.RETRY_OTHER, Scope.MODEL, until, reason=reason)
    if failure.kind is FailureKind.AUTHENTICATION:
        return Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, needs_refresh=True, reason=reason)
    if failure.kind is FailureKind.BILLING:
        return _spend(200, failure.message, now)
    if failure.kind is FailureKind.PERMISSION:
        return Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, now + FORBIDDEN_SECONDS, reason=reason)
    is_overflow = failure.kind is FailureKind.INVALID_REQUEST and overflow_of(failure.message) is not None
    return Verdict(Outcome.GIVE_UP, Scope.REQUEST, is_overflow=is_overflow, reason=reason)


def _error_words(body: bytes) -> tuple[str, str, str]:
    """Return `(error.type, error.message, error.details.error_code)`; "" for what is not there."""
    try:
        document = tolerant(orjson.loads, body)
    except UNREADABLE:
        return "", "", ""
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return "", "", ""
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    return tuple(
        item if isinstance(item, str) else "" for item in (error.get("type"), error.get("message"), code)
    )  # type: ignore[return-value]
