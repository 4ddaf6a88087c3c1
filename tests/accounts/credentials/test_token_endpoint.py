"""The four kinds of answer, of endpoints that speak OAuth."""

from __future__ import annotations

import time

import pytest

from accounts.credentials.sources import Pair
from accounts.credentials.token_endpoint import (
    GrantRefused,
    Reach,
    TokenEndpointBusy,
    TokenEndpointDown,
    ask,
)
from tests.fakes.token_endpoint import FakeTokenEndpoint

PAIR = Pair("sk-ant-oat01-0", "sk-ant-ort01-0")
FORM = {"refresh_token": PAIR.refresh_token}


def test_a_new_pair(endpoint: FakeTokenEndpoint) -> None:
    fresh = ask(endpoint.url, FORM, PAIR, Reach(5))
    assert (fresh.access_token, fresh.refresh_token, fresh.life_seconds) == (
        "sk-ant-oat01-1",
        "sk-ant-ort01-1",
        28800.0,
    )
    assert fresh.expires_at is not None and abs(fresh.expires_at - time.time() - 28800) < 30
    assert "sk-ant" not in repr(fresh)


def test_what_the_answer_leaves_out_stays(endpoint: FakeTokenEndpoint) -> None:
    endpoint.script = [(200, {}, {"access_token": "t", "refresh_token": "", "expires_in": True})]
    fresh = ask(endpoint.url, FORM, PAIR, Reach(5))
    assert (fresh.refresh_token, fresh.expires_at) == ("sk-ant-ort01-0", None)


@pytest.mark.parametrize(
    ("status", "document", "kind"),
    [
        (400, {"error": "invalid_grant"}, GrantRefused),
        (401, {"error": {"type": "invalid_grant"}}, GrantRefused),
        (400, {"error": "invalid_client"}, TokenEndpointBusy),
        (403, {}, TokenEndpointBusy),
        (404, {"error": ["invalid_grant"]}, TokenEndpointBusy),
        (429, {}, TokenEndpointBusy),
        (408, {}, TokenEndpointDown),
        (500, {}, TokenEndpointDown),
        (503, {"error": "invalid_grant"}, TokenEndpointDown),
        (200, {}, TokenEndpointDown),
        (302, {}, TokenEndpointDown),
    ],
)
def test_refusals(
    endpoint: FakeTokenEndpoint, status: int, document: dict[str, object], kind: type[Exception]
) -> None:
    endpoint.script = [(status, {"location": "http://127.0.0.1:9/"}, document)]
    with pytest.raises(kind) as problem:
        ask(endpoint.url, FORM, PAIR, Reach(5))
    assert "sk-ant" not in str(problem.value) and len(endpoint.requests) == 1


def test_nobody_there_and_nonsense_for_a_url() -> None:
    for url in ("http://127.0.0.1:9/", "nonsense", "http://"):
        with pytest.raises(TokenEndpointDown):
            ask(url, FORM, PAIR, Reach(2))


def test_too_slow(endpoint: FakeTokenEndpoint) -> None:
    endpoint.delay_seconds = 0.5
    with pytest.raises(TokenEndpointDown, match="ReadTimeout"):
        ask(endpoint.url, FORM, PAIR, Reach(0.1))
