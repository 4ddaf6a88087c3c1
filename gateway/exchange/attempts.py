"""The attempts of one call: the outcome of each, and the budget of those that may follow."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable

import httpx
import msgspec

from accounts.pool.lease import Lease
from gateway.exchange.exchange import MAX_WORDS, Refusal
from gateway.exchange.taps import Tap
from providers.catalog.records import Route
from providers.dialects.table import DIALECTS
from providers.dialects.types import Failure, Made, Translator, WireAnswer, WireRequest
from providers.drivers.base import Driver, Outcome, Verdict
from providers.listening import Words

MAX_REFUSAL = 500
"""Characters of an upstream's refusal that are kept for the operator."""
UNSENT = Verdict(Outcome.GIVE_UP)


class Reply(msgspec.Struct, eq=False):
    """An answer, ready to be passed on. `body` None: `head.body` is the whole of it."""

    head: WireAnswer  # as the client gets it
    translator: Translator | None = None  # None: the answer is ours
    body: AsyncIterable[bytes] | None = None
    first: bytes = b""  # what had to be read before the answer could be classified, translated
    is_stream: bool = False
    words: Words | None = None  # looks at the raw bytes for errors
    taps: tuple[Tap, ...] = ()
    made: list[Made] | None = (
        None  # what the answer has made, as its translator finds it; a call without a body makes nothing
    )


class Attempt(msgspec.Struct, eq=False):
    """One request to an upstream and its outcome. The sending side fills it in; the next request gets a new one."""

    route: Route
    lease: Lease
    driver: Driver
    translator: Translator
    request: WireRequest
    response: httpx.Response | None = None  # open until `close`
    status: int | None = None  # the upstream's; None: it has not answered
    reply: Reply | None = None
    failure: Failure | None = None  # why there is no reply
    verdict: Verdict = UNSENT
    refusal: str = ""  # the upstream's own words, where it has refused: its type and message, without secrets
    words: Refusal | None = None  # the same, apart
    began_at: float = msgspec.field(default_factory=time.monotonic)
    is_streaming: bool = False  # the upstream answers with events
    opening_output_tokens: int = 0  # as told at a stream's beginning: a figure beyond it is the final one
    may_still_fail: bool = False  # the rest of the answer may teach something about the account
    is_whole: bool = False  # the upstream's answer has come to its proper end

    def fail(self, failure: Failure, now: float) -> None:
        """Note that there is no answer to pass on, and classify the failure that says why."""
        self.may_still_fail = False
        self.reply, self.failure = None, failure
        self.verdict = self.driver.classify(failure, now)

    def note_refusal(self, answer: WireAnswer) -> None:
        """Keep what the upstream said, where it has refused. Secrets are out of the answer by now."""
        if answer.status >= 400:
            read_error = DIALECTS[self.route.dialect].read_error
            failure = read_error(answer.status, answer.headers, answer.body)
            word = failure.type or failure.code or f"{failure.kind}_error"
            self.refusal = f"{word}: {failure.message}"[:MAX_REFUSAL]
            self.words = Refusal(word, failure.message[:MAX_WORDS])

    async def close(self) -> None:
        """Close the upstream's answer; the lease stays."""
        response, self.response = self.response, None
        if response is not None:
            await response.stream.aclose()  # type: ignore[union-attr]


class Budget(msgspec.Struct, eq=False):
    """One retry budget per call, whoever fails."""

    attempts_left: int
    until: float  # monotonic seconds
    excluded: set[str] = msgspec.field(default_factory=set)
    has_refreshed: bool = False
    has_stripped: bool = False  # of what others have signed
    reserved: int = 0  # attempts kept for the providers that come after this one

    def is_spent(self, now: float) -> bool:
        """Tell whether nothing is left for this provider."""
        return self.attempts_left <= self.reserved or now >= self.until

    def is_late(self, now: float) -> bool:
        """Tell whether the time for retries is over."""
        return now >= self.until

    def is_over(self, now: float) -> bool:
        """Tell whether nothing is left for any provider."""
        return self.attempts_left <= 0 or now >= self.until


class UpstreamFailed(Exception):
    """No upstream could be reached, or none answered."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
