"""The management API through Django: the gate, the form of errors, the documents."""

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from gateway.access import guards

KEY = "admin-key-of-this-test"
LIST = "/api/tokens/list"


@pytest.fixture(autouse=True)
def admin_key(options: Any) -> Any:
    options(TOKEN_ADMIN_KEY=KEY)
    guards.gate.cache_clear()
    yield
    guards.gate.cache_clear()


@pytest.fixture
def bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {KEY}"}


def error(response: Any) -> tuple[int, str, str]:
    assert response["Content-Type"] == "application/json"
    body = json.loads(response.content)
    assert set(body) == {"type", "error"}
    return response.status_code, body["error"]["type"], body["error"]["message"]


@pytest.mark.django_db
def test_the_key_opens_and_nothing_else_does(client: Client, bearer: dict[str, str]) -> None:
    assert client.get(LIST, headers=bearer).status_code == 200
    assert error(client.get(LIST)) == (401, "authentication_error", "admin Bearer key required")
    wrong = client.get(LIST, headers={"Authorization": "Bearer wrong"})
    assert error(wrong) == (401, "authentication_error", "admin Bearer key required")
    assert error(client.get(LIST, headers={"x-api-key": KEY}))[0] == 401


@pytest.mark.django_db
def test_issuing_without_a_key_has_the_reference_s_text(client: Client) -> None:
    refused = client.post("/api/tokens", {}, content_type="application/json")
    assert error(refused) == (401, "authentication_error", "missing or invalid admin Bearer key")


@pytest.mark.django_db
def test_five_wrong_keys_from_elsewhere_are_locked_out(client: Client, bearer: dict[str, str]) -> None:
    for _ in range(5):
        client.get(LIST, headers={"Authorization": "Bearer wrong"}, REMOTE_ADDR="203.0.113.9")
    locked = client.get(LIST, headers=bearer, REMOTE_ADDR="203.0.113.9")
    assert error(locked) == (429, "rate_limit_error", "too many wrong admin keys; try again later")
    assert locked["Retry-After"] == "300"
    assert client.get(LIST, headers=bearer, REMOTE_ADDR="203.0.113.10").status_code == 200


@pytest.mark.django_db
def test_staff_may_with_their_session_and_its_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("staff"))
    assert client.get(LIST).status_code == 200
    refused = client.post("/api/tokens", {}, content_type="application/json")
    assert error(refused)[:2] == (403, "permission_error")
    client.get("/admin/")
    token = client.cookies["csrftoken"].value
    issued = client.post("/api/tokens", {}, content_type="application/json", headers={"X-CSRFToken": token})
    assert issued.status_code == 200


@pytest.mark.django_db
def test_a_login_that_is_no_staff_does_not_count(client: Client) -> None:
    client.force_login(User.objects.create_user("someone"))
    assert error(client.get(LIST))[0] == 401


@pytest.mark.django_db
def test_a_forged_session_does_not_count(client: Client) -> None:
    client.cookies["sessionid"] = "forged"
    assert error(client.get(LIST))[0] == 401


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "content_type", "status", "text"),
    [
        (b"{}", "text/plain", 415, "Expected request with `Content-Type: application/json`"),
        (b"{", "application/json", 400, "The request body is not valid JSON"),
        (b"[1]", "application/json", 400, "The request body must be a JSON object"),
        (b'{"ttl_hours": "1"}', "application/json", 400, "ttl_hours: must be an integer"),
    ],
)
def test_bad_bodies_are_refused_by_field(
    client: Client, bearer: dict[str, str], body: bytes, content_type: str, status: int, text: str
) -> None:
    response = client.generic("POST", "/api/tokens", body, content_type=content_type, headers=bearer)
    assert error(response) == (status, "invalid_request_error", text)


@pytest.mark.django_db
def test_a_bad_query_names_its_field(client: Client, bearer: dict[str, str]) -> None:
    status, kind, text = error(client.get(f"{LIST}?limit=many", headers=bearer))
    assert (status, kind) == (400, "invalid_request_error")
    assert "limit" in text


@pytest.mark.django_db
def test_the_wrong_method_and_an_unknown_id(client: Client, bearer: dict[str, str]) -> None:
    wrong = client.delete("/api/tokens", headers=bearer)
    assert error(wrong)[0] == 405
    assert wrong["Allow"] == "POST"
    assert error(client.get("/api/tokens/nobody", headers=bearer))[:2] == (404, "not_found_error")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/docs", "/api/openapi.json"])
def test_the_documents_are_closed_like_the_rest(client: Client, bearer: dict[str, str], path: str) -> None:
    assert error(client.get(path)) == (401, "authentication_error", "admin Bearer key required")
    assert client.get(path, headers=bearer).status_code == 200
    staff = User.objects.create_user("staff", is_staff=True)
    client.force_login(staff)
    assert client.get(path).status_code == 403
    staff.groups.add(Group.objects.get(name="role:viewer"))
    assert client.get(path).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/docs", "/api/openapi.json"])
def test_the_documents_may_be_open(client: Client, options: Any, path: str) -> None:
    options(API_DOCS_PUBLIC=True)
    assert client.get(path).status_code == 200
    assert client.get("/api/tokens/list").status_code == 401


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/docs", "/metrics", "/v1/usage?days=2"])
def test_a_browser_is_led_to_the_login_and_back(client: Client, path: str) -> None:
    led = client.get(path, headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (led.status_code, led["Location"]) == (302, f"/admin/login/?next={quote(path, safe='/')}")
    assert client.get(path, headers={"accept": "*/*"}).status_code == 401
    assert (
        client.get(path, headers={"accept": "text/html", "authorization": "Bearer wrong"}).status_code == 401
    )


def test_the_page_has_nothing_inline_and_nothing_of_another_host(
    client: Client, bearer: dict[str, str]
) -> None:
    page = client.get("/api/docs", headers=bearer).content.decode()
    assert re.findall(r"<script(?! src=\"/static/)|<style|style=|\son\w+=|//\w", page) == []
    assert 'data-url="/api/openapi.json"' in page


def test_the_documents_describe_management_and_surfaces(client: Client, bearer: dict[str, str]) -> None:
    schema = json.loads(client.get("/api/openapi.json", headers=bearer).content)
    for path in ("/api/tokens", "/api/tokens/{token_id}/rotate", "/v1/messages", "/health"):
        assert path in schema["paths"]
    assert schema["paths"]["/api/tokens"]["post"]["security"] == [{"AdminAuth": []}]


@pytest.mark.parametrize("path", ["/metrics", "/v1/usage", "/v1/accounts"])
@pytest.mark.django_db
def test_reports_are_closed(client: Client, path: str) -> None:
    assert error(client.get(path)) == (401, "authentication_error", "admin Bearer key required")


@pytest.mark.parametrize(
    "path", [LIST, "/api/accounts", "/api/providers", "/v1/usage", "/v1/accounts", "/metrics"]
)
@pytest.mark.django_db
def test_head_is_answered_where_get_is(client: Client, bearer: dict[str, str], path: str) -> None:
    answer = client.head(path, headers=bearer)
    assert (answer.status_code, answer.content) == (200, b"")
    assert client.head(path).status_code == 401
    refused = client.delete(path, headers=bearer)
    assert refused.status_code == 405
    assert "HEAD" in refused["Allow"]
