"""The number of upstream calls that one call may make, and the end of each attempt."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from accounts.pool.lease import Lease
from accounts.pool.state import AccountState, Loaded, Terms
from gateway.exchange.attempts import Attempt, Budget, Reply
from providers.catalog.records import ProviderRecord, Route
from providers.dialects.types import Failure, FailureKind, Target, WireAnswer, WireRequest
from providers.drivers.base import Outcome, Scope
from providers.drivers.table import DRIVERS
from providers.translation.pairs.passthrough import Passthrough
from providers.upstream import Credential, CredentialKind

KEY = Credential(CredentialKind.API_KEY, "key", "00000000")


def test_a_provider_leaves_one_attempt_to_each_that_comes_after_it() -> None:
    budget = Budget(attempts_left=4, until=10.0, reserved=1)
    assert not budget.is_spent(0.0)
    budget.attempts_left = 1
    assert budget.is_spent(0.0) and not budget.is_over(0.0)
    budget.reserved = 0
    assert not budget.is_spent(0.0)
    budget.attempts_left = 0
    assert budget.is_spent(0.0) and budget.is_over(0.0)


def test_after_the_time_nobody_is_asked_any_more() -> None:
    budget = Budget(attempts_left=4, until=10.0)
    assert not budget.is_over(9.9) and budget.is_late(10.0) and budget.is_over(10.0) and budget.is_spent(10.0)


class Answer(httpx.AsyncByteStream):
    closed = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b""

    async def aclose(self) -> None:
        self.closed += 1


def attempt() -> Attempt:
    request = WireRequest("POST", b"/v1/messages", b"", (), b"{}")
    route = Route(ProviderRecord("p", "anthropic", "https://p.test"), "anthropic", Target(model=None))
    lease = Lease(AccountState(1, Terms("one", "anthropic"), Loaded(KEY)), "one", KEY, None, "m", 0.0)
    return Attempt(route, lease, DRIVERS["anthropic"], Passthrough(), request)


def test_a_failure_takes_the_reply_away_and_is_classified() -> None:
    made = attempt()
    made.may_still_fail, made.reply = True, Reply(WireAnswer(200, ()))
    made.fail(Failure(FailureKind.UPSTREAM, "no connection"), 0.0)
    assert made.reply is None and not made.may_still_fail
    assert made.failure is not None and made.failure.message == "no connection"
    assert (made.verdict.outcome, made.verdict.scope) == (Outcome.RETRY_OTHER, Scope.PROVIDER)


async def test_the_answer_is_closed_once() -> None:
    made, body = attempt(), Answer()
    made.response = httpx.Response(200, stream=body)
    await made.close()
    await made.close()
    assert body.closed == 1
