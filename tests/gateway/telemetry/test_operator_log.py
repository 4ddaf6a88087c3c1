"""What the operator is told of calls that failed."""

from __future__ import annotations

import pytest

from gateway.exchange.exchange import Exchange
from gateway.telemetry.operator_log import OperatorLog
from providers.dialects.types import FailureKind


def failed(kind: FailureKind) -> Exchange:
    return Exchange(
        "id", 0.0, surface="messages", status=502, attempts=2, provider="p", account="a",
        failure_kind=kind, failure_message="no connection",
    )  # fmt: skip


@pytest.mark.parametrize("kind", list(FailureKind))
def test_only_what_is_nobodys_wrong_request_is_told(
    kind: FailureKind, caplog: pytest.LogCaptureFixture
) -> None:
    OperatorLog().concluded(failed(kind))
    told = [
        "no connection (messages: 502, attempt 2, provider p, account a)",
    ]
    is_told = kind in (
        FailureKind.UPSTREAM,
        FailureKind.TIMEOUT,
        FailureKind.UNAVAILABLE,
        FailureKind.INTERNAL,
    )
    assert [record.getMessage() for record in caplog.records] == (told if is_told else [])
