"""One upstream call after another: what each brought, and how many may follow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from accounts.pool import Lease
from providers.dialects.types import Failure, Translator, WireAnswer
from providers.drivers.base import Outcome, Verdict


@dataclass(slots=True)
class Sent:
    """An upstream's answer, ready to be passed on. `body` None = `head.body` is the whole of it."""

    head: WireAnswer
    translator: Translator
    at: float  # monotonic seconds
    body: AsyncIterator[bytes] | None = None
    first: bytes = b""  # what had to be read before the answer could be judged, translated
    is_stream: bool = False
    upstream_status: int = 200


@dataclass(slots=True)
class Budget:
    """One retry budget per call, whoever fails."""

    attempts_left: int
    until: float  # monotonic seconds
    excluded: set[str] = field(default_factory=set)
    has_refreshed: bool = False
    reserved: int = 0  # attempts kept for the providers that come after this one

    def is_spent(self, now: float) -> bool:
        """Nothing is left for this provider."""
        return self.attempts_left <= self.reserved or self.is_late(now)

    def is_late(self, now: float) -> bool:
        return now >= self.until

    def is_over(self, now: float) -> bool:
        """Nothing is left for any provider."""
        return self.attempts_left <= 0 or self.is_late(now)


@dataclass(slots=True)
class Attempt:
    """One upstream call and what it means. `sent` None = no answer at all: `failure` says why."""

    lease: Lease
    verdict: Verdict
    sent: Sent | None = None
    failure: Failure | None = None

    @property
    def is_final(self) -> bool:
        """No other provider would help: an answer, or the request's own fault."""
        return self.verdict.outcome in (Outcome.OK, Outcome.GIVE_UP) and not self.verdict.is_overflow

    @property
    def is_missing(self) -> bool:
        """The path is not there, whatever the model."""
        is_absent = self.sent is not None and self.sent.upstream_status in (404, 405)
        return is_absent and not self.verdict.is_unknown_model


class UpstreamFailed(Exception):
    """No upstream could be reached, or none answered."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
