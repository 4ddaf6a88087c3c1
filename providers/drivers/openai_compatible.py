"""Any API in OpenAI's form: OpenAI itself, LiteLLM, vLLM, OpenRouter.

One bearer key, and the verdict on each answer. Of the client's headers only those go up that such an upstream
needs; the operator's own are added to them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from providers.credentials.api_key import Bearer
from providers.dialects.openai_errors import is_too_long, read_failure
from providers.dialects.overflow import TOO_LONG
from providers.dialects.types import Failure, FailureKind, WireAnswer, WireRequest
from providers.drivers.banned import CALLERS_FAULTS, banned, is_banned, is_unpaid
from providers.drivers.base import Outcome, RouteOption, Scope, Verdict
from providers.drivers.http import HttpDriver
from providers.drivers.retry_after import retry_after
from providers.upstream import CredentialKind, Upstream

PASSED_HEADERS = frozenset((b"accept", b"content-type"))
PASSED_PREFIX = b"openai-"
BILLING_HEADERS = frozenset((b"openai-organization", b"openai-project"))
"""Headers that name who pays: not the client's to choose."""
NEVER_EXTRA = frozenset((b"authorization", b"host", b"content-length", b"transfer-encoding", b"connection"))

CHAT, RESPONSES = RouteOption("openai_chat"), RouteOption("openai_responses")
PROBE = RouteOption("openai_responses", is_probe=True)
TOOLS = ("auto", "native", "xml")
"""Words of a provider row's field `tools`."""
ONLY, NATIVE, TRANSLATE = "only", "native", "translate"
"""Words of a provider row's field `responses`; any other word is to find out."""

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


COMPACTING_HOSTS = ("api.openai.com", ".openai.azure.com", ".services.ai.azure.com")


class OpenAiCompatibleDriver(HttpDriver):
    """The driver of OpenAI-compatible APIs.

    Stateless; one for all providers of the kind.
    """

    kind = "openai-compatible"
    label = "OpenAI-compatible"
    words: tuple[str, ...] = (
        "open-a-i-compatible",
        "openai",
        "openai_compatible",
        "openai_like",
        "openai-like",
        "litellm",
    )
    forwards = True
    options: Mapping[str, str] = {
        "tools": f"how tools are told: {', '.join(TOOLS)}; see the field of that name"
    }
    strategies = {
        CredentialKind.API_KEY: Bearer(),
        CredentialKind.OAUTH: Bearer(),
    }

    def compacts(self, base_url: str) -> bool:
        """Leave it to OpenAI itself: other servers that speak Responses have no compaction."""
        return (urlsplit(base_url).hostname or "").endswith(COMPACTING_HOSTS)

    def problem(self, options: Mapping[str, str], key: str) -> tuple[str, str] | None:
        """Check the word for tools."""
        if options.get("tools", TOOLS[0]) not in TOOLS:
            return "tools", f"tools must be one of {', '.join(TOOLS)}"
        return None

    def dialects(self, responses: str, surface: str) -> Sequence[RouteOption]:
        """Speak Chat Completions; Responses to callers of it, as far as the provider is said to have that API."""
        if responses == ONLY:
            return (RESPONSES,)
        if surface != RESPONSES.dialect or responses == TRANSLATE:
            return (CHAT,)
        return (RESPONSES,) if responses == NATIVE else (PROBE, CHAT)

    def path(self, prefix: bytes, path: bytes) -> bytes:
        """Return base and path joined so that `/v1` stands once."""
        if prefix.endswith(b"/v1") and path.startswith(b"/v1/"):
            path = path[3:]
        return prefix + path

    def headers(self, upstream: Upstream, request: WireRequest) -> list[tuple[bytes, bytes]]:
        """Return the few of the client's headers that such an upstream needs, and the operator's own."""
        extra = [(name.lower().encode(), value.encode()) for name, value in upstream.headers.items()]
        extra = [pair for pair in extra if pair[0] not in NEVER_EXTRA]
        named = {name for name, _ in extra}
        headers = [pair for pair in request.headers if _is_passed(pair[0]) and pair[0] not in named]
        names = named | {name for name, _ in headers}
        if request.body and b"content-type" not in names:
            headers.append((b"content-type", b"application/json"))
        if b"accept" not in names:
            headers.append((b"accept", b"*/*"))
        if b"accept-encoding" not in names:
            headers.append((b"accept-encoding", b"identity"))
        headers.extend(extra)
        return headers

    def classify(self, seen: WireAnswer | Failure, now: float) -> Verdict:
        """Return the verdict on an answer; see `providers.drivers.base.Driver`."""
        if isinstance(seen, Failure):
            return _of_failure(seen, f"upstream failed: {seen.message[:200]}", seen.retry_after_seconds, now)
        if seen.status < 400:
            return TAKEN
        failure = read_failure(seen.status, seen.headers, seen.body)
        after = retry_after(seen.headers, now)
        reason = f"upstream returned {seen.status}: {failure.message[:200]}"
        return _of_failure(failure, reason, None if after is None else after - now, now)


def _is_passed(name: bytes) -> bool:
    return name in PASSED_HEADERS or (name.startswith(PASSED_PREFIX) and name not in BILLING_HEADERS)


def _of_failure(failure: Failure, reason: str, delay: float | None, now: float) -> Verdict:
    kind = failure.kind
    until = None if delay is None else now + delay
    if kind in CALLERS_FAULTS and is_banned(failure.message, failure.code or ""):
        return banned(reason, now)
    if kind is FailureKind.BILLING or (kind in CALLERS_FAULTS and is_unpaid(failure.message)):
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
        return Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, needs_refresh=True, reason=reason)
    if kind is FailureKind.PERMISSION:
        return Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, now + REFUSED_SECONDS, reason=reason)
    if kind is FailureKind.NOT_FOUND and is_model(failure):
        return Verdict(Outcome.RETRY_OTHER, Scope.REQUEST, is_unknown_model=True, reason=reason)
    if kind in UPSTREAM_FAULTS and not refuses_option(failure):
        return Verdict(Outcome.RETRY_OTHER, Scope.PROVIDER, reason=reason)
    return Verdict(
        Outcome.GIVE_UP,
        Scope.REQUEST,
        is_overflow=is_overflow(failure),
        is_foreign=kind is FailureKind.INVALID_REQUEST and is_foreign(failure),
        refuses_option=refuses_option(failure),
        refuses_tools=kind is FailureKind.INVALID_REQUEST and refuses_tools(failure),
        reason=reason,
    )


def is_model(failure: Failure) -> bool:
    """Return whether a 404 is about the model, not about the path."""
    return failure.code == "model_not_found" or "model" in failure.message.lower()


def is_overflow(failure: Failure) -> bool:
    """Return whether the prompt does not fit the model: another one may take it."""
    return failure.code == TOO_LONG or is_too_long(failure.message)


def is_foreign(failure: Failure) -> bool:
    """Return whether the request holds reasoning that another account has sealed."""
    return failure.code == "invalid_encrypted_content" or "encrypted content" in failure.message.lower()


_TOOLS = re.compile(r"\btools?\b|\btool_|function[ _-]?call")


def refuses_tools(failure: Failure) -> bool:
    """Return whether it is refused that the call brings tools; its schemas may be meant, too."""
    return _TOOLS.search(f"{failure.message} {failure.param or ''}".lower()) is not None


def refuses_option(failure: Failure) -> bool:
    """Return whether it is refused that a stream is to tell its usage: some servers do not know the option."""
    words = f"{failure.message} {failure.param or ''}".lower()
    return "stream_options" in words or "include_usage" in words or "stream options" in words
