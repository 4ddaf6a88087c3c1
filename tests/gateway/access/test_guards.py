"""The gate in front of plain views: what Django's request becomes, and that the view is not run when it is shut."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from gateway.access import guards


@pytest.fixture(autouse=True)
def fresh_gate(options: Any) -> Any:
    options(TOKEN_ADMIN_KEY="")
    guards.gate.cache_clear()
    yield
    guards.gate.cache_clear()


def request(**headers: str) -> HttpRequest:
    return RequestFactory().get("/metrics", headers={"host": "localhost", **headers})


@guards.admin_required
def report(request: HttpRequest) -> HttpResponse:
    return HttpResponse("report")


def test_the_caller_is_read_as_it_came() -> None:
    caller = guards.caller_of(request(**{"X-Forwarded-For": "203.0.113.9", "Authorization": "Bearer ключ"}))
    assert caller.address == "127.0.0.1"
    assert caller.method == "GET"
    assert (b"x-forwarded-for", b"203.0.113.9") in caller.headers
    assert (b"host", b"localhost") in caller.headers


def test_this_machine_may_without_a_key_and_a_forwarded_call_may_not() -> None:
    assert report(request()).content == b"report"
    refused = report(request(**{"X-Forwarded-For": "127.0.0.1"}))
    assert refused.status_code == 401
    assert b"report" not in refused.content


def test_a_web_page_may_not() -> None:
    assert report(request(Origin="http://localhost")).status_code == 401
