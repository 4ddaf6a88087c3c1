"""Tell a cloud's errors in Anthropic's envelope and in sentences of our own. Pure.

What clouds say holds account ids, ARNs and projects: it is for the operator's log. Two kinds of words pass: an
envelope of Anthropic's at 400 or 413, and that an input is too long, by which clients shorten their history.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

from providers.clouds.names import Names
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.overflow import overflow_of
from providers.dialects.types import Headers, WireAnswer, header
from providers.drivers.anthropic import FOREIGN_WORDS

INVALID, AUTHENTICATION, PERMISSION = "invalid_request_error", "authentication_error", "permission_error"
NOT_FOUND, TOO_LARGE, RATE_LIMIT = "not_found_error", "request_too_large", "rate_limit_error"
API, OVERLOADED, TIMEOUT, UNSUPPORTED = "api_error", "overloaded_error", "timeout_error", "not_supported"
SENTENCES = {
    INVALID: "The provider refused the request as invalid.",
    AUTHENTICATION: "The provider does not take the gateway's credential.",
    PERMISSION: "The provider does not allow the gateway this model or operation.",
    NOT_FOUND: "The provider does not have this model.",
    TOO_LARGE: "The request is too large for the provider.",
    RATE_LIMIT: "The provider limits the rate of requests, try again later.",
    "billing_error": "The provider refuses the request for reasons of billing.",
    API: "The provider failed to answer.",
    OVERLOADED: "The provider is overloaded, try again later.",
    TIMEOUT: "The model did not answer in time.",
    UNSUPPORTED: "This provider can't count the tokens of this model.",
}
TOO_LONG = "Input is too long."
SIGNATURE = "Invalid `signature` in `thinking` block"
AWS = {
    "ValidationException": INVALID,
    "ServiceQuotaExceededException": RATE_LIMIT,
    "AccessDeniedException": PERMISSION,
    "ResourceNotFoundException": NOT_FOUND,
    "ModelTimeoutException": TIMEOUT,
    "ModelErrorException": API,
    "ModelStreamErrorException": API,
    "ThrottlingException": RATE_LIMIT,
    "TooManyRequestsException": RATE_LIMIT,
    "ModelNotReadyException": OVERLOADED,
    "InternalServerException": API,
    "ServiceUnavailableException": OVERLOADED,
}
EXPIRED = frozenset(("ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException"))
UNAUTHENTIC = EXPIRED | {
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
    "MissingAuthenticationToken",
    "InvalidClientTokenId",
    "RequestTimeTooSkewed",
}
GOOGLE = {
    "RESOURCE_EXHAUSTED": RATE_LIMIT,
    "PERMISSION_DENIED": PERMISSION,
    "NOT_FOUND": NOT_FOUND,
    "UNAVAILABLE": OVERLOADED,
    "INTERNAL": API,
    "UNAUTHENTICATED": AUTHENTICATION,
    "DEADLINE_EXCEEDED": TIMEOUT,
}
STATUSES = {
    401: AUTHENTICATION,
    403: PERMISSION,
    404: NOT_FOUND,
    408: TIMEOUT,
    413: TOO_LARGE,
    424: API,
    429: RATE_LIMIT,
    501: UNSUPPORTED,
    503: OVERLOADED,
    504: TIMEOUT,
    529: OVERLOADED,
}
NAMED_STATUSES = {
    INVALID: 400,
    AUTHENTICATION: 403,
    PERMISSION: 403,
    NOT_FOUND: 404,
    TIMEOUT: 408,
    RATE_LIMIT: 429,
    OVERLOADED: 503,
    API: 500,
}
"""Statuses of what is known by its name alone: an exception in a stream, or an error that AWS answers with a 400."""
KEPT = (b"retry-after", b"retry-after-ms", b"x-should-retry", b"request-id")
JSON = (b"content-type", b"application/json")
_IDS = re.compile(
    r"arn:aws[a-z-]*:[^\s\"'`,;)]*|\bprojects/[^\s\"'`,;)]+|(?<![\d.])\d{12}(?![\d.])|\bwrkspc_[A-Za-z0-9]+"
)
_SKEWED = re.compile(
    r"signature (?:has )?expired|signature not yet current|clock|skew|not yet valid", re.IGNORECASE
)
_ABOUT_COUNTING = re.compile(r"count|unsupported|not support|operation", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Words:
    """What a cloud says: the name of its error, its message, and whether it is Anthropic's envelope."""

    name: str
    message: str
    is_anthropics: bool = False

    @property
    def is_expired(self) -> bool:
        """Tell whether another credential may help."""
        return self.name in EXPIRED

    @property
    def is_skewed(self) -> bool:
        """Tell whether the signature's time was refused."""
        return self.name == "RequestTimeTooSkewed" or _SKEWED.search(self.message) is not None


def read(answer: WireAnswer) -> Words:
    """Return what an error says, in whichever form: AWS's, Google's, Azure's or Anthropic's."""
    named = (header(answer.headers, b"x-amzn-errortype") or b"").decode("latin-1")
    try:
        document = tolerant(orjson.loads, answer.body)
    except UNREADABLE:
        document = None
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        return Words(_plain(named), answer.body[:1000].decode("utf-8", "replace"))
    error = document.get("error")
    if isinstance(error, dict):
        name = error.get("status") or error.get("type") or error.get("code") or ""
        is_anthropics = document.get("type") == "error" and isinstance(error.get("type"), str)
        return Words(_plain(named or str(name)), str(error.get("message") or ""), is_anthropics)
    name = named or document.get("__type") or document.get("code") or ""
    return Words(_plain(str(name)), str(document.get("message") or document.get("Message") or ""))


def told(
    answer: WireAnswer, words: Words, hidden: tuple[str, ...] = (), *, is_count: bool = False
) -> WireAnswer:
    """Return the error as a caller may see it. `hidden`: names of the operator's that must not be in it."""
    kept = tuple(pair for pair in answer.headers if pair[0] in KEPT)
    if is_count and _cannot_count(answer.status, words):
        headers = (JSON, (b"x-should-retry", b"false"))
        return WireAnswer(501, headers, _envelope(UNSUPPORTED, SENTENCES[UNSUPPORTED]))
    if answer.status in (400, 413) and words.is_anthropics:
        body = answer.body.decode("utf-8", "replace")
        clean = masked(body, hidden)
        return WireAnswer(answer.status, (JSON, *kept), answer.body if clean == body else clean.encode())
    kind = _kind(answer.status, words)
    status = NAMED_STATUSES.get(kind, 400) if answer.status == 400 else answer.status
    return WireAnswer(status, (JSON, *kept), _envelope(kind, _sentence(kind, status, words)))


def made(status: int, kind: str, message: str) -> WireAnswer:
    """Return an error of our own, as if the cloud had said it."""
    return WireAnswer(status, (JSON,), _envelope(kind, message))


def of_exception(name: str, message: str) -> tuple[int, str, str]:
    """Return status, type and sentence of an exception inside a stream."""
    name = name[:1].upper() + name[1:]
    kind = AUTHENTICATION if name in UNAUTHENTIC else AWS.get(name, API)
    status = NAMED_STATUSES.get(kind, 500)
    return status, kind, _sentence(kind, status, Words(name, message))


def masked(text: str, hidden: tuple[str, ...]) -> str:
    """Return a text without ids of accounts, resources and projects."""
    for name in hidden:
        if len(name) > 3:
            text = text.replace(name, "…")
    return _IDS.sub("…", text)


def event(kind: str, message: str) -> bytes:
    """Return the event that ends a stream with an error."""
    return b"event: error\ndata: " + _envelope(kind, message) + b"\n\n"


def clean_event(raw: bytes) -> bytes:
    """Return an error event with a sentence of ours in place of the cloud's."""
    start = raw.find(b"{")
    try:
        document = tolerant(orjson.loads, raw[start:].strip()) if start >= 0 else None
    except UNREADABLE:
        return event(API, SENTENCES[API])
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(error, dict) or document.get("type") != "error":
        return raw
    kind = str(error.get("type") or API)
    kind = kind if kind in SENTENCES else API
    return event(kind, _sentence(kind, 200, Words("", str(error.get("message") or ""))))


def _kind(status: int, words: Words) -> str:
    name = words.name
    if name in UNAUTHENTIC or (status == 403 and words.is_skewed):
        return AUTHENTICATION
    if name in AWS:
        return AWS[name]
    if name in GOOGLE:
        return GOOGLE[name]
    if words.is_anthropics and name in SENTENCES:
        return name
    return STATUSES.get(status, API if status >= 500 else INVALID)


def _sentence(kind: str, status: int, words: Words) -> str:
    """Return the sentence of a type; of what clients act on, in the words by which they know it."""
    is_request = kind in (INVALID, TOO_LARGE)
    if is_request and (overflow_of(words.message, 400) is not None or "too long" in words.message.lower()):
        return TOO_LONG
    if kind == INVALID and status == 400 and FOREIGN_WORDS.search(words.message.lower()) is not None:
        return SIGNATURE
    return SENTENCES[kind]


def _cannot_count(status: int, words: Words) -> bool:
    if words.name in ("UnknownOperationException", "AccessDeniedException") or status in (404, 405, 501):
        return True
    return words.name == "ValidationException" and _ABOUT_COUNTING.search(words.message) is not None


def _envelope(kind: str, message: str) -> bytes:
    return orjson.dumps({"type": "error", "error": {"type": kind, "message": message}})


def _plain(name: str) -> str:
    """Return an AWS error's name without namespace and address: `com.amazon#Name:http://…`."""
    return name.partition(":")[0].rpartition("#")[2].strip()


def forwarded(headers: Headers) -> Headers:
    """Return the headers of a good answer that callers may see."""
    return tuple([pair for pair in headers if not HIDDEN[pair[0]]])


_CLOUDS_PREFIXES = (b"x-amzn-", b"x-amz-", b"x-ms-", b"x-goog-", b"azureml-")
_CLOUDS = frozenset(
    (
        b"anthropic-workspace-id",
        b"anthropic-organization-id",
        b"apim-request-id",
        b"x-cloud-trace-context",
        b"server-timing",
    )
)
HIDDEN = Names(lambda name: name in _CLOUDS or name.startswith(_CLOUDS_PREFIXES))
"""Whether a header of an answer speaks of the cloud, not of the call."""
