"""Every driver keeps the contract."""

from __future__ import annotations

import httpx
import pytest

from providers.dialects.types import Failure, FailureKind, WireAnswer
from providers.drivers.base import Driver, Outcome, Scope
from providers.drivers.table import DRIVERS

ENDS = Outcome.GIVE_UP, Scope.REQUEST


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=lambda driver: driver.kind)
def test_kinds_verdicts_and_engines(driver: Driver) -> None:
    assert DRIVERS[driver.kind] is driver
    assert driver.classify(WireAnswer(200, ()), 0.0).outcome is Outcome.OK
    # A ticket that was offered is not offered a second time.
    fault = ENDS if driver.kind == "crater" else (Outcome.RETRY_OTHER, Scope.PROVIDER)
    if driver.kind == "claude-cli":  # see its own tests: a program that is mended serves at once
        return
    for seen in (Failure(FailureKind.TIMEOUT, "late"), WireAnswer(503, (), b"")):
        verdict = driver.classify(seen, 0.0)
        assert (verdict.outcome, verdict.scope) == fault
    assert isinstance(driver.transport(httpx.AsyncHTTPTransport()), httpx.AsyncBaseTransport)
