"""The page where a person lets a client in."""

from __future__ import annotations

import io
import logging
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from gateway.models import Try
from gateway.telemetry import logs
from tests import signing
from tests.signing import EMAIL, HERE
from tokens.signin import device
from tokens.signin.models import DeviceCode

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return signing.person()


@pytest.fixture
def page(ann: User) -> Client:
    """Return the browser of somebody who is logged in; forms are checked as in a browser's."""
    browser = Client(enforce_csrf_checks=True, headers=HERE)
    browser.force_login(ann)
    return browser


def send(page: Client, path: str, code: str, **headers: str) -> Any:
    """Send the form of the page that shows a code."""
    found = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page.get("/device").content)
    assert found
    given = {"user_code": code, "csrfmiddlewaretoken": found[1].decode()}
    return page.post(path, given, headers={"origin": "http://127.0.0.1:8080", **headers})


def test_who_is_not_logged_in_is_led_to_the_login_and_back() -> None:
    for method in (Client().get, Client().post):
        answer = method("/device?user_code=A%22B", headers=HERE)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/login/?next=/device")


def test_the_page_says_who_asks_and_changes_nothing(page: Client, options: Any) -> None:
    options(LOGIN_NOTICE="Only <for> work.")
    made = device.begin(device.Asked("claude_code", "<script>alert(1)</script>", "192.0.2.9"))
    before = DeviceCode.objects.values().get()
    answer = page.get(f"/device?user_code={made.user_code.lower()}")
    text = answer.content.decode()
    assert answer.status_code == 200 and DeviceCode.objects.values().get() == before
    for told in (
        made.user_code,
        EMAIL,
        "192.0.2.9",
        "&lt;script&gt;alert(1)",
        "Only &lt;for&gt; work.",
        "UTC",
    ):
        assert told in text
    assert "<script" not in text and 'formaction="/device/deny"' in text


@pytest.mark.parametrize("path", ["/device", "/device?user_code=x", "/device?outcome=approved", "/login/"])
def test_headers_of_the_pages(page: Client, path: str) -> None:
    headers = page.get(path).headers
    assert headers["X-Frame-Options"] == "DENY" and headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in headers["Cache-Control"] and headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy and "form-action 'self'" in policy and "unsafe" not in policy


def test_a_form_may_lead_by_the_issuer_and_nowhere_else(page: Client, options: Any) -> None:
    options(OIDC_ISSUER="https://id.test:8443/realms/work")
    policy = page.get("/device").headers["Content-Security-Policy"]
    assert policy.endswith("form-action 'self' https://id.test:8443")
    assert page.get("/admin/login/").headers["Content-Security-Policy"].endswith("form-action 'self'")


@pytest.mark.parametrize(("path", "field"), [("/device", "approved_at"), ("/device/deny", "denied_at")])
def test_a_decision_is_made_by_a_form_and_told_on_another_page(page: Client, path: str, field: str) -> None:
    made = signing.begun()
    answer = send(page, path, made.user_code.replace("-", " ").lower())
    assert answer.status_code == 302
    row = DeviceCode.objects.get()
    assert getattr(row, field) is not None and row.user is not None and row.user.email == EMAIL
    assert 'data-test="outcome"' in page.get(answer["Location"]).content.decode()
    for again in (
        "/device",
        "/device/deny",
    ):  # who clicks twice is told what was decided, and has not guessed
        assert send(page, again, made.user_code)["Location"] == answer["Location"]
    assert not Try.objects.exists()


def test_what_another_person_has_decided_is_nothing_to_her(page: Client) -> None:
    made = signing.begun()
    device.approve(made.user_code, signing.person("ben@example.org"), **signing.P)
    assert send(page, "/device", made.user_code).status_code == 400 and Try.objects.count() == 1


def test_another_site_s_form_decides_nothing(page: Client) -> None:
    made = signing.begun()
    assert send(page, "/device", made.user_code, origin="https://evil.example").status_code == 403
    answer = page.post("/device", {"user_code": made.user_code})
    assert answer.status_code == 403 and b"Please try again" in answer.content
    assert DeviceCode.objects.get().approved_at is None


def test_wrong_codes_are_counted_and_right_ones_are_not(page: Client, options: Any) -> None:
    options(DEVICE_TRIES=3)
    made = signing.begun()
    for _ in range(5):
        assert page.get(f"/device?user_code={made.user_code}").status_code == 200
    assert not Try.objects.filter(rule="device-code").exists()
    for _ in range(2):
        assert send(page, "/device", "BCDF-GHJK").status_code == 400
    assert page.get("/device?user_code=%22%3E%3Cb%3E").status_code == 400
    for answer in (send(page, "/device", made.user_code), send(page, "/device/deny", made.user_code)):
        assert answer.status_code == 429 and 0 < int(answer["Retry-After"]) <= 600
        assert b"Too many wrong codes" in answer.content
    assert DeviceCode.objects.get().approved_at is None


def test_what_was_typed_is_escaped(page: Client) -> None:
    answer = page.get("/device", {"user_code": '"><img src=x>'})
    assert b"<img" not in answer.content and b"&lt;img" in answer.content


def test_who_comes_without_a_code_is_told_how_to_begin(page: Client, options: Any) -> None:
    options(PUBLIC_URL="https://gw.test")
    text = page.get("/device").content.decode()
    assert "forceLoginGatewayUrl&quot;: &quot;https://gw.test&quot;" in text
    assert "forceLoginMethod&quot;: &quot;gateway&quot;" in text


def test_who_was_deactivated_decides_nothing(page: Client, ann: User) -> None:
    made = signing.begun()
    ann.is_active = False
    ann.save()
    answer = page.get(f"/device?user_code={made.user_code}")
    assert answer.status_code == 302 and answer["Location"].startswith("/login/")


def test_no_log_shows_a_code_at_any_level(
    page: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Django's templates log at debug what they do not find, and with it the whole request."""
    written, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.TextFormatter())
    handler.addFilter(logs.RequestIdFilter())
    monkeypatch.setattr(root, "handlers", [handler])
    for name in ("", "django", "django.template", "django.request"):
        caplog.set_level(logging.DEBUG, logger=name)
    made = signing.begun()
    letters = made.user_code.replace("-", "")
    for path in ("/device", "/login/", "/device/deny"):
        page.get(path, {"user_code": made.user_code})
        page.get(path, {"user_code": letters.lower(), "next": f"/device?user_code={made.user_code}"})
        page.post(path, {"user_code": made.user_code})
    logging.getLogger("tests").debug("%r %r", made, DeviceCode.objects.get())
    shown = written.getvalue()
    assert "/device?user_code=***" in shown, shown
    for secret in (made.user_code, letters, made.device_code):
        assert secret.lower() not in shown.lower()
