"""Anthropic's Messages API: one credential per request, and what its refusals mean.

The decision table is that of the vendor's documentation and of what subscriptions are seen to answer.
Nothing here imitates a client: what the caller sent goes out, with our credential in place of theirs.
"""

from __future__ import annotations

from functools import lru_cache

import httpx
import orjson

from providers.dialects.types import Failure, FailureKind, Headers, WireAnswer, WireRequest, header
from providers.drivers import anthropic_limits as limits
from providers.drivers.base import UNKNOWN_MODEL, Outcome, QuotaWindow, Scope, Verdict
from providers.errors import ForeignUrl
from providers.upstream import Credential, CredentialKind, Upstream

VERSION = b"2023-06-01"
OAUTH_BETA = b"oauth-2025-04-20"
OAUTH_PREFIX = "sk-ant-oat"
CREDENTIAL_HEADERS = frozenset((b"authorization", b"x-api-key", b"proxy-authorization"))
TRANSPORT_HEADERS = frozenset((b"host", b"content-length", b"transfer-encoding", b"connection"))
DROPPED_HEADERS = CREDENTIAL_HEADERS | TRANSPORT_HEADERS

FORBIDDEN_SECONDS = 1800.0
SPEND_SECONDS = 3600.0
UNKNOWN_MODEL_SECONDS = 3600.0
SPEND_CODES = frozenset(
    ("enforced_spend_limit_reached", "contract_spend_limit_reached", "ramp_limit_exceeded")
)
SPEND_WORDS = ("specified api usage limits", "credit balance is too low")
CREDIT_WORDS = ("extra usage", "usage credits", "long context")
OVERFLOW_WORDS = "prompt is too long"
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


class AnthropicDriver:
    """Stateless; one for all accounts."""

    kind = "anthropic"
    dialect = "anthropic"

    def build(self, upstream: Upstream, request: WireRequest) -> httpx.Request:
        """The headers as they came, in order and repeated, with exactly one credential. Raises `ForeignUrl`."""
        url, prefix = _base(upstream.base_url)
        if not request.path.startswith(b"/"):
            raise ForeignUrl("the path does not start with a slash")
        target = prefix + request.path + (b"?" + request.query if request.query else b"")
        return httpx.Request(
            request.method,
            url,
            headers=_headers(upstream, request.headers),
            stream=httpx.ByteStream(request.body),
            extensions={"target": target, "proxy": upstream.proxy},
        )

    def classify(self, seen: WireAnswer | Failure, now: float) -> Verdict:
        """See `providers.drivers.base.Driver`."""
        if isinstance(seen, Failure):
            return _of_failure(seen, now)
        told = limits.told(seen.headers)
        if seen.status >= 400:
            return _of_error(seen, limits.windows(told), now)
        if not told:
            return TAKEN
        is_warning = limits.unified_status(told) == "allowed_warning"
        return Verdict(Outcome.OK, is_warning=is_warning, windows=limits.windows(told))

    def transport(self, shared: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        return shared


@lru_cache(maxsize=256)
def _base(base_url: str) -> tuple[httpx.URL, bytes]:
    """The URL that pins scheme and host, and the base's own path."""
    url = httpx.URL(base_url)
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise ForeignUrl("a base URL is http(s)://host[:port][/path]")
    return url, url.raw_path.partition(b"?")[0].rstrip(b"/")


def _headers(upstream: Upstream, received: Headers) -> list[tuple[bytes, bytes]]:
    credential = upstream.credential
    dropped = DROPPED_HEADERS
    extra: tuple[tuple[bytes, bytes], ...] = ()
    if upstream.headers:
        extra = tuple((key.lower().encode(), value.encode()) for key, value in upstream.headers.items())
        extra = tuple(pair for pair in extra if pair[0] not in DROPPED_HEADERS)
        dropped = dropped | {key for key, _ in extra}
    headers = [pair for pair in received if pair[0] not in dropped]
    headers.extend(extra)
    if header(tuple(headers), b"anthropic-version") is None:
        headers.append((b"anthropic-version", VERSION))
    _add_credential(headers, credential)
    return headers


def _add_credential(headers: list[tuple[bytes, bytes]], credential: Credential) -> None:
    secret = credential.secret.encode()
    if credential.kind is CredentialKind.API_KEY:
        headers.append((b"x-api-key", secret))
    elif credential.kind is CredentialKind.OAUTH:
        if credential.secret.startswith(OAUTH_PREFIX):
            _merge_beta(headers)
        headers.append((b"authorization", b"Bearer " + secret))


def _merge_beta(headers: list[tuple[bytes, bytes]]) -> None:
    """Adds the OAuth beta to what the client asked for; nothing is dropped, lines stay lines."""
    last = None
    for index, (name, value) in enumerate(headers):
        if name == b"anthropic-beta":
            if OAUTH_BETA in [item.strip() for item in value.split(b",")]:
                return
            last = index
    if last is None:
        headers.append((b"anthropic-beta", OAUTH_BETA))
    else:
        value = headers[last][1].rstrip(b" ,")
        headers[last] = (b"anthropic-beta", value + b"," + OAUTH_BETA if value else OAUTH_BETA)


def _of_error(seen: WireAnswer, quota: tuple[QuotaWindow, ...], now: float) -> Verdict:
    status = seen.status
    kind, message, code = _error_words(seen.body)
    if status == 429:
        return _of_429(seen, quota, (message, code), now)
    if status == 401:
        return Verdict(
            Outcome.RETRY_SAME, Scope.ACCOUNT, needs_refresh=True, reason=f"upstream returned 401: {message}"
        )
    if status == 402 or (status == 400 and any(words in message.lower() for words in SPEND_WORDS)):
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
    if status == 408 or status >= 500:
        should_retry = header(seen.headers, b"x-should-retry") != b"false"
        outcome = Outcome.RETRY_OTHER if should_retry else Outcome.GIVE_UP
        return Verdict(outcome, Scope.PROVIDER, reason=f"upstream returned {status}")
    reason = IDENTITY_REASON if IDENTITY_WORDS in message.lower() else f"upstream returned {status}"
    is_overflow = status == 400 and OVERFLOW_WORDS in message.lower()
    return Verdict(Outcome.GIVE_UP, Scope.REQUEST, is_overflow=is_overflow, reason=reason)


def _of_429(seen: WireAnswer, quota: tuple[QuotaWindow, ...], words: tuple[str, str], now: float) -> Verdict:
    message, code = words
    if code in SPEND_CODES or any(known in message for known in SPEND_CODES):
        return _spend(429, message, now)
    after = limits.retry_after(seen.headers, now)
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
    """A subscription's window is used up: of the account, or of one model family only."""
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
    """The latest of what was named and is still ahead; None when nothing was, and the pool backs off."""
    ahead = [moment for moment in moments if moment is not None and moment > now]
    return max(ahead, default=None)


def _spend(status: int, message: str, now: float) -> Verdict:
    """A limit on money: no header says when it ends, so it is tried once an hour until the operator acts."""
    reason = f"upstream returned {status}: spend limit reached ({message[:120]})"
    return Verdict(
        Outcome.RETRY_OTHER, Scope.ACCOUNT, now + SPEND_SECONDS, needs_operator=True, reason=reason
    )


def _of_failure(failure: Failure, now: float) -> Verdict:
    """No answer, or an error inside a 200 stream."""
    reason = f"upstream failed: {failure.message[:200]}"
    if failure.kind in OUR_UPSTREAM_FAULTS:
        return Verdict(Outcome.RETRY_OTHER, Scope.PROVIDER, reason=reason)
    if failure.kind is FailureKind.RATE_LIMIT:
        until = None if failure.retry_after_seconds is None else now + failure.retry_after_seconds
        return Verdict(Outcome.RETRY_OTHER, Scope.MODEL, until, reason=reason)
    if failure.kind is FailureKind.AUTHENTICATION:
        return Verdict(Outcome.RETRY_SAME, Scope.ACCOUNT, needs_refresh=True, reason=reason)
    if failure.kind is FailureKind.BILLING:
        return _spend(200, failure.message, now)
    if failure.kind is FailureKind.PERMISSION:
        return Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, now + FORBIDDEN_SECONDS, reason=reason)
    return Verdict(Outcome.GIVE_UP, Scope.REQUEST, reason=reason)


def _error_words(body: bytes) -> tuple[str, str, str]:
    """(error.type, error.message, error.details.error_code); "" for what is not there."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "", "", ""
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return "", "", ""
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    return tuple(
        item if isinstance(item, str) else "" for item in (error.get("type"), error.get("message"), code)
    )  # type: ignore[return-value]
