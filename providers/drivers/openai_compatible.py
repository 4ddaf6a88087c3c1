"""Whatever speaks OpenAI's API: OpenAI itself, LiteLLM, vLLM, OpenRouter. One bearer key, and what refusals mean.

Of the client's headers only those go up that such an upstream needs; the operator's own are added to them.
"""

from __future__ import annotations

from functools import lru_cache

import httpx

from providers.dialects.openai_errors import TOO_LONG, is_too_long, read_failure
from providers.dialects.types import Failure, FailureKind, WireAnswer, WireRequest
from providers.drivers.anthropic_limits import retry_after
from providers.drivers.base import Outcome, Scope, Verdict
from providers.errors import ForeignUrl
from providers.upstream import CredentialKind, Upstream

PASSED_HEADERS = frozenset((b"accept", b"content-type"))
PASSED_PREFIX = b"openai-"
BILLING_HEADERS = frozenset((b"openai-organization", b"openai-project"))
"""Who pays is not the client's to say."""
NEVER_EXTRA = frozenset((b"authorization", b"host", b"content-length", b"transfer-encoding", b"connection"))

QUOTA_SECONDS = 3600.0
REFUSED_SECONDS = 60.0
TAKEN = Verdict(Outcome.OK)
UPSTREAM_FAULTS = frozenset(
    (
        FailureKind.UPSTREAM,
        FailureKind.TIMEOUT,
        FailureKind.INTERNAL,
        FailureKind.OVERLOADED,
        FailureKind.UNAVAILABLE,
    )
)


class OpenAiCompatibleDriver:
    """Stateless; one for all providers of the kind."""

    kind = "openai-compatible"
    dialect = "openai_chat"

    def build(self, upstream: Upstream, request: WireRequest) -> httpx.Request:
        """Base and path joined so that `/v1` stands once. Raises `ForeignUrl`."""
        url, prefix = _base(upstream.base_url)
        if not request.path.startswith(b"/"):
            raise ForeignUrl("the path does not start with a slash")
        path = request.path
        if prefix.endswith(b"/v1") and path.startswith(b"/v1/"):
            path = path[3:]
        target = prefix + path + (b"?" + request.query if request.query else b"")
        return httpx.Request(
            request.method,
            url,
            headers=_headers(upstream, request),
            stream=httpx.ByteStream(request.body),
            extensions={"target": target, "proxy": upstream.proxy},
        )

    def classify(self, seen: WireAnswer | Failure, now: float) -> Verdict:
        """See `providers.drivers.base.Driver`."""
        if isinstance(seen, Failure):
            return _of_failure(seen, f"upstream failed: {seen.message[:200]}", seen.retry_after_seconds, now)
        if seen.status < 400:
            return TAKEN
        failure = read_failure(seen.status, seen.headers, seen.body)
        after = retry_after(seen.headers, now)
        reason = f"upstream returned {seen.status}: {failure.message[:200]}"
        return _of_failure(failure, reason, None if after is None else after - now, now)

    def transport(self, shared: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        return shared


@lru_cache(maxsize=256)
def _base(base_url: str) -> tuple[httpx.URL, bytes]:
    """The URL that pins scheme and host, and the base's own path."""
    url = httpx.URL(base_url)
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise ForeignUrl("a base URL is http(s)://host[:port][/path]")
    return url, url.raw_path.partition(b"?")[0].rstrip(b"/")


def _headers(upstream: Upstream, request: WireRequest) -> list[tuple[bytes, bytes]]:
    extra = [(name.lower().encode(), value.encode()) for name, value in upstream.headers.items()]
    extra = [pair for pair in extra if pair[0] not in NEVER_EXTRA]
    named = {name for name, _ in extra}
    headers = [pair for pair in request.headers if _passes(pair[0]) and pair[0] not in named]
    names = named | {name for name, _ in headers}
    if request.body and b"content-type" not in names:
        headers.append((b"content-type", b"application/json"))
    if b"accept" not in names:
        headers.append((b"accept", b"*/*"))
    if b"accept-encoding" not in names:
        headers.append((b"accept-encoding", b"identity"))
    headers.extend(extra)
    if upstream.credential.kind is not CredentialKind.NONE:
        headers.append((b"authorization", b"Bearer " + upstream.credential.secret.encode()))
    return headers


def _passes(name: bytes) -> bool:
    return name in PASSED_HEADERS or (name.startswith(PASSED_PREFIX) and name not in BILLING_HEADERS)


def _of_failure(failure: Failure, reason: str, delay: float | None, now: float) -> Verdict:
    kind = failure.kind
    until = None if delay is None else now + delay
    if kind is FailureKind.BILLING:
        return Verdict(
            Outcome.RETRY_OTHER,
            Scope.ACCOUNT,
            until or now + QUOTA_SECONDS,
            needs_operator=True,
            reason=reason,
        )
    if kind is FailureKind.RATE_LIMIT:
        return Verdict(Outcome.RETRY_OTHER, Scope.MODEL, until, reason=reason)
    if kind is FailureKind.AUTHENTICATION:
        return Verdict(Outcome.RETRY_SAME, Scope.ACCOUNT, needs_refresh=True, reason=reason)
    if kind is FailureKind.PERMISSION:
        return Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, now + REFUSED_SECONDS, reason=reason)
    if kind is FailureKind.NOT_FOUND and is_model(failure):
        return Verdict(Outcome.RETRY_OTHER, Scope.REQUEST, is_unknown_model=True, reason=reason)
    if kind in UPSTREAM_FAULTS:
        return Verdict(Outcome.RETRY_OTHER, Scope.PROVIDER, reason=reason)
    return Verdict(Outcome.GIVE_UP, Scope.REQUEST, is_overflow=is_overflow(failure), reason=reason)


def is_model(failure: Failure) -> bool:
    """Whether a 404 is about the model, not about the path."""
    return failure.code == "model_not_found" or "model" in failure.message.lower()


def is_overflow(failure: Failure) -> bool:
    """Whether the prompt does not fit the model: another one may take it."""
    return failure.code == TOO_LONG or is_too_long(failure.message)
