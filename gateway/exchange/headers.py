"""The headers that pass the gateway, up and down: names in lower case, order and repetitions as they came."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from gateway.exchange.attempts import Reply
from gateway.exchange.context import CallContext
from providers.dialects.table import DIALECTS
from providers.dialects.types import Headers, WireAnswer

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
CREDENTIALS = frozenset(
    {
        b"authorization",
        b"x-api-key",
        b"api-key",
        b"apikey",
        b"x-goog-api-key",
        b"x-goog-iam-authorization-token",
        b"ocp-apim-subscription-key",
        b"x-auth-token",
        b"x-access-token",
        b"x-la-token",
        b"payment-authorization",
        b"x-amz-security-token",
        b"amz-sdk-invocation-id",
        b"amz-sdk-request",
        b"date",
        b"signature",
        b"signature-input",
        b"digest",
        b"content-digest",
        b"repr-digest",
        b"content-md5",
        b"cookie",
        b"cookie2",
    }
)
"""What callers prove themselves with, and what belongs to their signatures."""
HINTS = frozenset(
    {
        b"x-claude-code-managed-settings-checksum",
        b"x-claude-code-request-class",
        b"x-claude-code-prompt-id",
        b"x-claude-code-auxiliary-type",
        b"x-claude-code-agent-type",
        b"x-claude-code-compaction",
        b"x-claude-code-context-compacted",
        b"x-claude-1p-request-class",
    }
)
"""What Claude Code tells a gateway that asks it to (`CLAUDE_CODE_GATEWAY_HINT_HEADERS`), and nobody behind it."""
NEVER_UP = (
    HOP_BY_HOP
    | CREDENTIALS
    | {
        b"host",
        b"content-length",
        b"expect",
        b"forwarded",
        b"x-real-ip",
        b"real-ip",
        b"forwarded-for",
        b"remote-addr",
        b"remote-user",
        b"x-coming-from",
        b"x-email",
        b"x-host",
        b"x-user-email",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"fastly-ssl",
        b"via",
        b"cdn-loop",
        b"accept-payment",
        b"traceparent",
        b"tracestate",
        b"baggage",
        b"b3",
        b"uber-trace-id",
        b"x-amzn-trace-id",
        b"x-cloud-trace-context",
        b"x-goog-user-project",
        b"metadata-flavor",
    }
    | HINTS
)
"""Besides what is of this connection alone: who the caller is, which way it came, its trace; and what is told to us."""
NEVER_UP_PREFIXES = (
    b"x-forwarded",
    b"x-original-",
    b"x-rewrite-",
    b"x-envoy-",
    b"x-remote-",
    b"x-webauth-",
    b"x-amz-",
    b"x-amzn-oidc-",
    b"x-amzn-mtls-",
    b"x-appengine-",
    b"x-aws-",
    b"x-azure-",
    b"x-b3-",
    b"x-datadog-",
    b"x-goog-authenticated-user-",
    b"x-goog-iap-",
    b"x-ms-client-principal",
    b"x-ms-date",
    b"x-ms-original-",
    b"x-ms-token-",
    b"x-pomerium-",
    b"x-ssl-",
    b"x-tailscale-",
    b"x-tls-",
    b"x-vercel-",
    b"fly-",
    b"ngrok-",
    b"sentry-",
    b"ssl-client",
    b"tailscale-",
    b"wl-proxy-",
    b"proxy-",
    b"cf-",
)
NEVER_DOWN = (
    HOP_BY_HOP
    | CREDENTIALS - {b"date"}
    | {
        b"host",
        b"set-cookie",
        b"set-cookie2",
        b"anthropic-organization-id",
        b"server",
        b"via",
        b"proxy-authenticate",
        b"alt-svc",
        b"strict-transport-security",
        b"payment-receipt",
    }
)
NEVER_DOWN_PREFIXES = (b"anthropic-ratelimit-", b"x-ratelimit-", b"x-codex-")
"""The limits of an account that others share: a token's own are put in their place."""

_OF_SECRETS = re.compile(
    rb"(?:^|[-_])(?:secret|password|passwd|passphrase|passcode|credentials?|jwt|authorization|auth|bearer|assertion|dpop"
    rb"|signature|sig|hmac|csrf|xsrf|t?otp|sessionid|appcheck|(?:client)?cert(?:ificate)?|(?:proxyuser|originating|client|connection)[-_]?ip"
    rb"|(?:api|access|auth|id|session|bearer)[-_]?token"
    rb"|(?:api|access|secret|private|client|master|virtual|admin|license|service|subscription|app)[-_]?key)(?:$|[-_])"
    rb"|(?<!page)(?<!next)(?<!continuation)(?<!pagination)(?<!sync)(?:^|[-_])token$"
    rb"|(?<!idempotency)(?<!cache)(?<!partition)(?<!routing)(?:^|[-_])key$"
)
"""Words in a name by which somebody proves who she is, or is known by, whoever has made the name up."""

MAX_NAMES, MAX_NAME_BYTES = 1024, 64
"""Bounds of what is remembered of names that callers and upstreams make up."""


class _Passing(dict[bytes, bool]):
    """Names that pass, remembered: the same few come with every call."""

    def __init__(
        self, never: frozenset[bytes], prefixes: tuple[bytes, ...], words: re.Pattern[bytes] | None = None
    ) -> None:
        self._never = never
        self._never_prefixes = prefixes
        self._never_words = words

    def __missing__(self, name: bytes) -> bool:
        passes = name not in self._never and not name.startswith(self._never_prefixes)
        passes = passes and (self._never_words is None or self._never_words.search(name) is None)
        if len(self) < MAX_NAMES and len(name) <= MAX_NAME_BYTES:
            self[name] = passes
        return passes


PASSES_UP = _Passing(NEVER_UP, NEVER_UP_PREFIXES, _OF_SECRETS)
PASSES_DOWN = _Passing(NEVER_DOWN, NEVER_DOWN_PREFIXES)
PASSES_TO_OWNER = _Passing(NEVER_DOWN - {b"anthropic-organization-id"}, NEVER_DOWN_PREFIXES[1:])
"""With whose login the call was made: the limits are the caller's own."""


def headers_up(headers: Headers) -> Headers:
    """Return the client's headers that an upstream may see."""
    kept = [pair for pair in headers if PASSES_UP[pair[0]]]
    return _without_named(kept, headers)


def headers_down(headers: Headers, passes: _Passing = PASSES_DOWN) -> Headers:
    """Return the upstream's headers that the client may see."""
    kept = [pair for pair in headers if passes[pair[0]]]
    return _without_named(kept, headers)


_KEY_NAMES = frozenset(
    (b"apikey", b"apitoken", b"awsaccesskeyid", b"googleaccessid", b"code", b"session", b"credential")
)
_KEY_PREFIXES = (b"x-amz-", b"x-goog-")


class _Keys(dict[bytes, bool]):
    """Names in a query that are keys' or signatures', remembered."""

    def __missing__(self, told: bytes) -> bool:
        name = unquote_to_bytes(told).lower().strip(b" +.[]\0")
        is_key = name in _KEY_NAMES or name.startswith(_KEY_PREFIXES) or _OF_SECRETS.search(name) is not None
        if len(self) < MAX_NAMES and len(told) <= MAX_NAME_BYTES:
            self[told] = is_key
        return is_key


_IS_KEY = _Keys()


def query_up(query: bytes) -> bytes:
    """Return the query without keys and signatures; the same object when there are none."""
    pairs = query.split(b"&")
    kept = [pair for pair in pairs if not _has_key(pair)]
    return query if len(kept) == len(pairs) else b"&".join(kept)


def _has_key(pair: bytes) -> bool:
    if pair.find(b";") >= 0:  # to some it parts pairs, too
        return any(_IS_KEY[one.partition(b"=")[0]] for one in pair.split(b";"))
    return _IS_KEY[pair.partition(b"=")[0]]


STREAM_HEADERS: Headers = ((b"x-accel-buffering", b"no"),)
"""So that a proxy in front holds nothing back."""
UNCACHED: Headers = ((b"cache-control", b"no-cache, no-transform"),)


def stream_headers(headers: Headers, passes: _Passing = PASSES_DOWN) -> Headers:
    """Return `headers_down` of a stream: without a length, for its events are written as they come."""
    down = headers_down(headers, passes)
    kept = tuple(pair for pair in down if pair[0] not in (b"content-length", b"x-accel-buffering"))
    is_told = any(name == b"cache-control" for name, _ in kept)
    return (*kept, *STREAM_HEADERS) if is_told else (*kept, *STREAM_HEADERS, *UNCACHED)


def _without_named(kept: list[tuple[bytes, bytes]], headers: Headers) -> Headers:
    """Leave out what a `Connection` header names, of which there may be several: it was meant for us alone."""
    told = [value for name, value in headers if name == b"connection"] if len(kept) < len(headers) else None
    if not told:
        return tuple(kept)
    named = {part.strip().lower() for part in b",".join(told).split(b",")}
    return tuple([pair for pair in kept if pair[0] not in named])


def passing_headers(context: CallContext, reply: Reply) -> Headers:
    """Return the headers of an answer that passes piece by piece, with an id where its vendor may have sent none."""
    headers = (stream_headers if reply.is_stream else headers_down)(reply.head.headers, _passes(context))
    is_plain = reply.translator is not None and reply.translator.is_transparent
    is_sure = is_plain and DIALECTS[context.surface.dialect].is_id_sure
    return headers if is_sure else _with_id(headers, context)


def whole_headers(context: CallContext, head: WireAnswer) -> Headers:
    """Return the headers of an answer that is whole, without its length."""
    down = headers_down(head.headers, _passes(context))
    headers = tuple([pair for pair in down if pair[0] != b"content-length"])
    return _with_id(headers, context)


def _passes(context: CallContext) -> _Passing:
    """Return which headers the caller may see: the limits of its own login too, where we have none to tell."""
    attempts = context.attempts
    is_own = bool(attempts) and attempts[-1].route.provider.takes_callers_login
    return PASSES_TO_OWNER if is_own and not context.token.is_limited else PASSES_DOWN


def _with_id(headers: Headers, context: CallContext) -> Headers:
    """Return the headers with our id, where no upstream has given the call one."""
    name = DIALECTS[context.surface.dialect].request_id
    for told, _ in headers:
        if told == name:
            return headers
    return (*headers, (name, context.exchange.id.encode()))
