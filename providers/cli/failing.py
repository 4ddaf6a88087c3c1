"""The ways in which a command line fails, in our words: its own may hold paths and the vendor's ids. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

from providers.dialects import sse


@dataclass(frozen=True, slots=True)
class Failed:
    """One failure, as a caller hears of it."""

    status: int
    type: str  # Anthropic's word
    message: str

    def body(self) -> bytes:
        """Return the body of an answer that is this error."""
        return orjson.dumps({"type": "error", "error": {"type": self.type, "message": self.message}})

    def event(self) -> bytes:
        """Return the event that ends a stream with it."""
        return sse.event(b"error", self.body())


class CliFailed(Exception):
    """Raised when a run gives no answer."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.message)
        self.failed = failed


TIME_OVER = Failed(504, "timeout_error", "The Claude command line did not finish in time")
BUSY = Failed(529, "overloaded_error", "All Claude command lines are busy; try again shortly")
FLOODED = Failed(502, "api_error", "The Claude command line wrote more than it may")
DIED = Failed(502, "api_error", "The Claude command line ended without an answer")
NO_JSON = Failed(502, "api_error", "The Claude command line wrote something that is not JSON")
TWICE = Failed(502, "api_error", "The Claude command line broke off its answer and began another")
BROKE_DOWN = Failed(502, "api_error", "The Claude command line reports an error of its own or of its vendor")
MISSING = Failed(503, "api_error", "The gateway's Claude command line is missing or can't be run")
LOGGED_OUT = Failed(
    503, "api_error", "The gateway's Claude command line is not logged in: its operator must log in"
)
STOPPED = Failed(503, "api_error", "The gateway is stopping")
TOO_LONG = Failed(400, "invalid_request_error", "prompt is too long")

BY_STATUS = {
    400: Failed(
        400, "invalid_request_error", "The vendor refuses the request of the command line as invalid"
    ),
    401: LOGGED_OUT,
    402: Failed(402, "billing_error", "The account of the command line has no credit left"),
    403: LOGGED_OUT,
    404: Failed(404, "not_found_error", "The command line's vendor has no such model"),
    413: Failed(413, "request_too_large", "The request is too large for the command line's vendor"),
    429: Failed(429, "rate_limit_error", "The account of the command line has reached its rate limit"),
    504: Failed(504, "timeout_error", "The command line's vendor did not answer in time"),
    529: Failed(529, "overloaded_error", "The command line's vendor is overloaded"),
}
BY_WORD = {
    "authentication_failed": LOGGED_OUT,
    "oauth_org_not_allowed": LOGGED_OUT,
    "billing_error": BY_STATUS[402],
    "rate_limit": BY_STATUS[429],
    "overloaded": BY_STATUS[529],
    "model_not_found": BY_STATUS[404],
}
"""By the word that an assistant's event bears as its `error`."""
_LOGIN = re.compile(
    r"(?i)not logged in|/login|invalid (?:api key|bearer|authentication)|authentication_error"
    r"|(?:oauth|access) token|credential.{0,30}(?:expired|invalid|revoked)"
)
_TOO_LONG = re.compile(r"(?i)prompt is too long|input is too long")


def failure_of(status: object, word: object, text: str) -> Failed:
    """Return what an error means: by the vendor's status, the event's word, then by its text."""
    if _TOO_LONG.search(text) and status in (None, 400, 413):
        return TOO_LONG
    if isinstance(status, int) and status in BY_STATUS:
        return BY_STATUS[status]
    if isinstance(status, int):
        return BROKE_DOWN
    if isinstance(word, str) and word in BY_WORD:
        return BY_WORD[word]
    return LOGGED_OUT if _LOGIN.search(text) else BROKE_DOWN
