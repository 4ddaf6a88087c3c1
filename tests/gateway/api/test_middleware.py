"""Cookies and refusals of Django's side."""

import logging

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseServerError
from django.test import RequestFactory

from gateway.api.middleware import CookieMiddleware, ErrorMiddleware, PathMiddleware, request_id_middleware
from gateway.telemetry import request_ids
from gateway.telemetry.logs import RequestIdFilter


def request(path: str = "/api/x", **extra: object) -> HttpRequest:
    return RequestFactory().get(path, **extra)


def with_cookie(_: HttpRequest) -> HttpResponse:
    response = HttpResponse()
    response.set_cookie("sessionid", "x", secure=True, httponly=True)
    return response


def test_cookies_keep_secure_over_https_and_lose_it_in_clear() -> None:
    middleware = CookieMiddleware(with_cookie)
    secure = middleware(RequestFactory().get("/", secure=True)).cookies["sessionid"].OutputString()
    clear = middleware(request("/")).cookies["sessionid"].OutputString()
    assert "Secure" in secure
    assert "Secure" not in clear
    assert "HttpOnly" in clear


def test_a_wrong_method_is_told_as_json_with_what_is_allowed() -> None:
    response = ErrorMiddleware(lambda _: HttpResponseNotAllowed(["POST", "GET"]))(request())
    assert response.status_code == 405
    assert response["Allow"] == "GET, HEAD, POST"
    assert response["Content-Type"] == "application/json"
    assert response.content == (
        b'{"type":"error","error":{"type":"invalid_request_error",'
        b'"message":"Method not allowed; allowed: GET, HEAD, POST"}}'
    )


def test_a_defect_is_told_as_json_without_its_page() -> None:
    response = ErrorMiddleware(lambda _: HttpResponseServerError("<h1>details</h1>"))(request())
    assert response.status_code == 500
    assert response.content == b'{"type":"error","error":{"type":"api_error","message":"Internal error"}}'


def test_pages_for_people_and_json_stay_as_they_are() -> None:
    page = HttpResponseServerError("<h1>sorry</h1>")
    assert ErrorMiddleware(lambda _: page)(request("/admin/x")) is page
    answer = HttpResponse(b"{}", status=400, content_type="application/json")
    assert ErrorMiddleware(lambda _: answer)(request()) is answer
    good = HttpResponse("<p>fine</p>")
    assert ErrorMiddleware(lambda _: good)(request()) is good


def test_every_answer_has_an_id_of_its_own_and_the_log_knows_it():
    seen = []

    def view(_: HttpRequest) -> HttpResponse:
        seen.append(request_ids.current.get())
        return HttpResponse()

    middleware = request_id_middleware(view)
    ids = [middleware(request()).headers["x-gateway-request-id"] for _ in range(2)]
    assert ids == seen
    assert len(set(ids)) == 2
    assert request_ids.current.get() == "-"


async def test_an_id_that_the_relay_has_given_stays_and_is_the_logs_too():
    async def view(_: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={"x-gateway-request-id": "of-the-relay"})

    asked = request()
    response = await request_id_middleware(view)(asked)
    assert response.headers["x-gateway-request-id"] == "of-the-relay"
    record = logging.makeLogRecord({"request": asked})
    assert RequestIdFilter().filter(record)
    assert record.request_id == "of-the-relay"


@pytest.mark.parametrize(
    ("raw", "is_unknown"),
    [
        (b"/api/prices/a%00b", True),
        (b"/api/pric%65s", True),
        (b"/api/prices/a%20b", False),
        (b"/api/prices?q=%00", False),
        (b"/api/prices", False),
    ],
)
def test_paths_that_no_name_can_be_in_are_unknown(raw: bytes, is_unknown: bool) -> None:
    asked = request()
    asked.scope = {"raw_path": raw}  # type: ignore[attr-defined]
    PathMiddleware(HttpResponse).process_request(asked)
    assert hasattr(asked, "urlconf") is is_unknown
