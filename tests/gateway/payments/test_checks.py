"""What of payments keeps the gateway from starting."""

from __future__ import annotations

from typing import Any

from gateway.payments.checks import paying
from tests.gateway.payments.test_options import GOOD


def test_nothing_while_payments_are_off(options: Any) -> None:
    options(MPP_AMOUNT="abc")
    assert paying() == []


def test_each_problem_is_an_error(options: Any, settings: Any) -> None:
    settings.ACTOR_BASE_URL = "https://router.example"
    options(**{**GOOD, "MPP_AMOUNT": "0", "MPP_RECIPIENT": "", "MPP_SECRET": ("CANARY",)})
    found = paying()
    assert [problem.msg.split()[0] for problem in found] == ["MPP_AMOUNT", "MPP_RECIPIENT", "MPP_SECRET"]
    assert {problem.id for problem in found} == {"gateway.E020"}
    assert "CANARY" not in str(found)


def test_plain_http_is_a_warning(options: Any, settings: Any) -> None:
    options(**GOOD)
    settings.ACTOR_BASE_URL = "http://router.example"
    assert [problem.id for problem in paying()] == ["gateway.W020"]
    settings.ACTOR_BASE_URL = "http://127.0.0.1:8080"
    assert paying() == []
