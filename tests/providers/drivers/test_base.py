"""Every driver keeps the contract."""

from __future__ import annotations

import httpx
import pytest

from providers.dialects.types import Failure, FailureKind, WireAnswer
from providers.drivers.base import Driver, Outcome, Scope
from providers.registry import DRIVERS


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=lambda driver: driver.kind)
def test_kinds_verdicts_and_engines(driver: Driver) -> None:
    assert DRIVERS[driver.kind] is driver and driver.dialect
    assert driver.classify(WireAnswer(200, ()), 0.0).outcome is Outcome.OK
    for seen in (Failure(FailureKind.TIMEOUT, "late"), WireAnswer(503, (), b"")):
        verdict = driver.classify(seen, 0.0)
        assert (verdict.outcome, verdict.scope) == (Outcome.RETRY_OTHER, Scope.PROVIDER)
    assert isinstance(driver.transport(httpx.AsyncHTTPTransport()), httpx.AsyncBaseTransport)
