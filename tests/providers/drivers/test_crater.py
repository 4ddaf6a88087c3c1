from __future__ import annotations

import pytest

from providers.crater.transport import ORDER, Order
from providers.dialects.types import Failure, FailureKind, WireAnswer, WireRequest
from providers.drivers.base import Outcome, Scope
from providers.drivers.crater import CraterDriver
from providers.upstream import Credential, CredentialKind, Upstream

INBOX = "https://t.example/inbox/"
REQUEST = WireRequest("POST", b"/v1/chat/completions", b"", (), b"{}")


def order(**options: str) -> Order:
    upstream = Upstream("crater", "crater", INBOX, "", Credential(CredentialKind.NONE, ""), options=options)
    return CraterDriver().build(upstream, REQUEST, 0.0).extensions[ORDER]


def test_an_order_has_the_addresses_as_they_are_and_the_usual_times():
    assert order() == Order(INBOX, "", 1.0, 120)
    assert order().aim == INBOX
    named = order(target="https://t.example/t/", poll_interval_ms="60", poll_timeout_seconds="0")
    assert named == Order(INBOX, "https://t.example/t/", 0.06, 0)
    assert named.aim == "https://t.example/t/"


@pytest.mark.parametrize("name", ["poll_interval_ms", "poll_timeout_seconds"])
@pytest.mark.parametrize("text", ["x", "-1", "1.5", "²"])
def test_a_duration_is_a_whole_number(name: str, text: str):
    problem = CraterDriver().problem({name: text}, "")
    assert problem is not None and name in problem[1]
    assert CraterDriver().problem({name: "5"}, "") is None


def test_it_speaks_chat_to_every_surface():
    for surface in ("anthropic", "openai_chat", "openai_responses"):
        assert [one.dialect for one in CraterDriver().dialects("auto", surface)] == ["openai_chat"]


@pytest.mark.parametrize("status", [400, 429, 500, 502, 503, 504])
def test_nobody_else_is_asked_and_nothing_cools_down(status: int):
    verdict = CraterDriver().classify(WireAnswer(status, (), b""), 0.0)
    assert (verdict.outcome, verdict.scope, verdict.until) == (Outcome.GIVE_UP, Scope.REQUEST, None)


def test_answers_are_taken_and_failures_end_it():
    assert CraterDriver().classify(WireAnswer(200, (), b""), 0.0).outcome is Outcome.OK
    assert CraterDriver().classify(Failure(FailureKind.UPSTREAM, "x"), 0.0).outcome is Outcome.GIVE_UP
