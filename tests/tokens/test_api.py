"""Token API in the reference's shapes, with strict types and errors that name the field."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from gateway.api.management import ManagementAPI
from tests.asking import asked_by_somebody
from tests.principals import SOMEBODY
from tests.tokens.conftest import SECRET
from tokens import bodies, services
from tokens.api import router
from tokens.errors import (
    BadTokenField,
    BodyTooLarge,
    TokenConflict,
    TokenError,
    TokenNotFound,
    WrongMediaType,
)
from tokens.groups import services as group_services
from tokens.jwt import signing

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

api = ManagementAPI(urls_namespace="tokens-test", auth=asked_by_somebody)
api.add_router("/tokens", router)
STATUSES = {
    TokenNotFound: 404,
    BadTokenField: 400,
    BodyTooLarge: 413,
    TokenConflict: 409,
    WrongMediaType: 415,
}


@api.exception_handler(TokenError)
def _told(request: HttpRequest, problem: TokenError) -> HttpResponse:
    return api.create_response(request, {"error": problem.message}, status=STATUSES[type(problem)])


urlpatterns = [path("api/", api.urls)]


def post(client: Client, where: str, body: Any, **headers: str) -> Any:
    raw = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(f"/api/tokens{where}", raw, content_type="application/json", **headers)


@pytest.mark.parametrize(("body", "expected"), [
    ({}, {"account": None, "label": "", "ttl_hours": 24}),
    ({"ttl_hours": 1, "label": "my-token", "account": "account-1"},
     {"account": "account-1", "label": "my-token", "ttl_hours": 1}),
    ({"ttl_hours": None, "label": None, "account": None}, {"account": None, "label": "", "ttl_hours": 24}),
    ({"label": 'a "q" \\ \n żółć 🎉'}, {"account": None, "label": 'a "q" \\ \n żółć 🎉', "ttl_hours": 24}),
    ({"account": ""}, {"account": "", "label": "", "ttl_hours": 24}),
])  # fmt: skip
def test_issue_answers_what_the_reference_answers(client: Client, body: Any, expected: Any) -> None:
    response = post(client, "", body)
    assert response.status_code == 200
    answer = response.json()
    assert {name: answer[name] for name in expected} == expected
    claims = signing.verify(answer["token"], SECRET.encode())
    assert claims.exp - claims.iat == expected["ttl_hours"] * 3600
    assert (claims.sub, claims.label) == (answer["id"], expected["label"])
    assert abs(claims.iat - time.time()) < 5


BAD = [
    ({"ttl_hours": "1"}, "ttl_hours: must be an integer"),
    ({"ttl_hours": 1.0}, "ttl_hours: must be an integer"),
    ({"ttl_hours": True}, "ttl_hours: must be an integer"),
    ({"ttl_hours": 0}, "ttl_hours: must be from 1 to 87600"),
    ({"ttl_hours": -5}, "ttl_hours: must be from 1 to 87600"),
    ({"ttl_hours": 2_500_000_000}, "ttl_hours: must be from 1 to 87600"),
    ({"ttl_hours": 10**400}, "ttl_hours: must be from 1 to 87600"),
    ({"label": 5}, "label: must be a string"),
    ({"label": "x" * 1001}, "label: must have at most 1000 characters"),
    ({"label": "a\0b"}, "label: must not contain NUL or lone surrogates"),
    ('{"label":"\\ud800"}', "label: must not contain NUL or lone surrogates"),
    ({"account": ["a"]}, "account: must be a string"),
    ({"provider": "x" * 256}, "provider: must have at most 255 characters"),
    ({"group": "nobody"}, "group: no group with this name"),
    ({"allowed_models": "claude-*"}, "allowed_models: must be a list of strings"),
    ({"allowed_models": ["a", 1]}, "allowed_models: must be a string"),
    ({"allowed_surfaces": [""]}, "allowed_surfaces: must not contain empty entries"),
    ({"allowed_models": ["a"] * 201}, "allowed_models: must have at most 200 entries"),
    ({"max_requests": 0}, "max_requests: must be from 1 to 1000000000000000"),
    ({"budget": 5}, 'budget: must be a decimal string such as "12.50"'),
    ({"budget": "5", "budget_currency": "EUR"}, "budget_currency: must be the currency of the prices (USD)"),
    ({"budget_period": "year"}, "budget_period: must be one of day, week, month, never"),
    ('{"label":"a","label":"b"}', "label: is given twice"),
    ("{", "The request body is not valid JSON"),
    (b"\xff", "The request body is not valid JSON"),
    ('{"ttl_hours":NaN}', "The request body is not valid JSON"),
    ("[" * 100_000, "The request body is not valid JSON"),
    ('[5,"lab","acc"]', "The request body must be a JSON object"),
]


@pytest.mark.parametrize(("body", "message"), BAD)
def test_each_wrong_field_is_named(client: Client, body: Any, message: str) -> None:
    response = post(client, "", body)
    assert (response.status_code, response.json()) == (400, {"error": message})
    assert services.find(services.Filters()).tokens == []


def test_only_json_is_read(client: Client) -> None:
    response = client.post("/api/tokens", "{}", content_type="text/plain")
    assert response.status_code == 415
    assert response.json() == {"error": "Expected request with `Content-Type: application/json`"}
    for content_type in ("Application/JSON; charset=utf-8", "application/x+json"):
        assert client.post("/api/tokens", "{}", content_type=content_type).status_code == 200


def test_a_body_over_the_limit(client: Client) -> None:
    response = post(client, "", '{"label":"' + "x" * bodies.MAX_BODY_BYTES + '"}')
    assert response.status_code == 413


def test_list_shows_the_references_fields_and_never_a_secret(client: Client) -> None:
    secret = post(client, "", {"label": "one", "account": "account-1", "ttl_hours": 2}).json()["token"]
    raw = client.get("/api/tokens/list")
    (row,) = raw.json()["data"]
    assert {"account": "account-1", "label": "one", "revoked": False}.items() <= row.items()
    assert row["expires_at"] == row["issued_at"] + 7200
    assert set(row) >= {"id", "label", "issued_at", "expires_at", "revoked", "account"}
    assert secret not in raw.content.decode() and "la_sk_" not in raw.content.decode()


def test_pages_go_from_new_to_old_without_gaps(client: Client) -> None:
    ids = [services.issue(label=f"n{number}", principal=SOMEBODY).token.id for number in range(7)]
    seen: list[str] = []
    after = ""
    while True:
        page = client.get(f"/api/tokens/list?limit=3{after}").json()
        seen += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['next_after']}"
    assert sorted(seen) == sorted(ids)
    assert len(seen) == 7


def test_filters(client: Client) -> None:
    group_services.create("team", principal=SOMEBODY)
    live = services.issue(label="Live one", account="a", group="team", principal=SOMEBODY).token.id
    gone, old = (
        services.issue(label="dead", principal=SOMEBODY).token.id,
        services.issue(label="old one", principal=SOMEBODY).token.id,
    )
    services.revoke(gone, principal=SOMEBODY)
    services.expire(old, principal=SOMEBODY)

    def ids(query: str) -> set[str]:
        return {row["id"] for row in client.get(f"/api/tokens/list?{query}").json()["data"]}

    assert ids("state=active") == {live}
    assert ids("state=revoked") == {gone}
    assert ids("state=expired") == {old}
    assert ids("label=ONE") == {live, old}
    assert ids("account=a") == ids("group=team") == {live}
    assert ids("account=b") == set()


@pytest.mark.parametrize(("query", "message"), [
    ("state=dead", "state: must be one of active, revoked, expired"),
    ("limit=0", "limit: must be from 1 to 1000"),
    ("after=nobody", "after: no token with this id"),
    ("after=%00", "after: must not contain NUL or lone surrogates"),
    ("label=%00", "label: must not contain NUL or lone surrogates"),
])  # fmt: skip
def test_bad_filters_are_named(client: Client, query: str, message: str) -> None:
    assert client.get(f"/api/tokens/list?{query}").json() == {"error": message}


def test_revoke_is_repeatable_and_404_for_nobody(client: Client) -> None:
    token_id = services.issue(principal=SOMEBODY).token.id
    for _ in range(2):
        response = post(client, "/revoke", {"id": token_id})
        assert (response.status_code, response.json()) == (200, {"revoked": token_id})
    assert client.get(f"/api/tokens/{token_id}").json()["revoked"] is True
    for nobody in ("nope", "", "x" * 300, "a\0", "\ud800"):
        assert post(client, "/revoke", {"id": nobody}).status_code == 404
    assert post(client, "/revoke", {}).json() == {"error": "id: must be given, as a string"}
    assert post(client, "/revoke", {"id": 5}).status_code == 400


def test_show(client: Client) -> None:
    token_id = services.issue(label="x", allowed_models=["claude-*"], principal=SOMEBODY).token.id
    row = client.get(f"/api/tokens/{token_id}").json()
    assert (row["id"], row["state"], row["allowed_models"]) == (token_id, "active", ["claude-*"])
    assert client.get("/api/tokens/nope").status_code == 404


def patch(client: Client, token_id: str, body: Any) -> Any:
    return client.patch(f"/api/tokens/{token_id}", json.dumps(body), content_type="application/json")


def test_change(client: Client) -> None:
    token = services.issue(label="x", account="a", principal=SOMEBODY).token
    ends = token.issued_at + 60
    answer = patch(
        client, token.id, {"label": "y", "account": None, "expires_at": ends, "provider": "p"}
    ).json()
    assert (answer["label"], answer["account"], answer["expires_at"], answer["provider"]) == (
        "y",
        None,
        ends,
        "p",
    )
    assert patch(client, token.id, {}).json()["label"] == "y"
    assert patch(client, "nope", {"label": "y"}).status_code == 404


@pytest.mark.parametrize(("body", "message"), [
    ({"lable": "y"}, "lable: unknown field"),
    ({"ttl_hours": 5}, "ttl_hours: unknown field"),
    ({"expires_at": "soon"}, "expires_at: must be an integer"),
    ({"expires_at": 2**40},
     "expires_at: can't lie beyond the end that the token was signed with; rotate it"),
    ({"requests_per_minute": -1}, "requests_per_minute: must be from 1 to 1000000000000000"),
])  # fmt: skip
def test_a_bad_change_changes_nothing(client: Client, body: Any, message: str) -> None:
    token_id = services.issue(label="x", principal=SOMEBODY).token.id
    assert patch(client, token_id, {"label": "y", **body}).json() == {"error": message}
    assert services.get(token_id).label == "x"


def test_rotate(client: Client) -> None:
    old = services.issue(label="x", account="a", ttl_hours=48, allowed_models=["m"], principal=SOMEBODY).token
    answer = post(client, f"/{old.id}/rotate", {"grace_seconds": 60}).json()
    assert answer["id"] != old.id and answer["rotated_from"] == old.id and answer["ledger_id"] == old.id
    assert (answer["label"], answer["account"], answer["ttl_hours"]) == ("x", "a", 48)
    assert answer["allowed_models"] == ["m"]
    assert signing.verify(answer["token"], SECRET.encode()).sub == answer["id"]
    assert abs(answer["old_expires_at"] - time.time() - 60) < 5
    assert post(client, f"/{old.id}/rotate", {}).status_code == 409
    assert abs(post(client, f"/{answer['id']}/rotate", {}).json()["old_expires_at"] - time.time() - 3600) < 5


@pytest.mark.parametrize(("body", "message"), [
    ({"grace_seconds": -1}, "grace_seconds: must be from 0 to 2592000"),
    ({"grace_seconds": "0"}, "grace_seconds: must be an integer"),
    ({"ttl_hours": 0}, "ttl_hours: must be from 1 to 87600"),
    ({"grace": 1}, "grace: unknown field"),
])  # fmt: skip
def test_bad_rotations_are_named(client: Client, body: Any, message: str) -> None:
    token_id = services.issue(principal=SOMEBODY).token.id
    assert post(client, f"/{token_id}/rotate", body).json() == {"error": message}


def test_tokens_are_not_deleted_over_http(client: Client) -> None:
    assert client.delete(f"/api/tokens/{services.issue(principal=SOMEBODY).token.id}").status_code == 405


def test_the_openapi_page_describes_bodies_and_answers(client: Client) -> None:
    paths = client.get("/api/openapi.json").json()["paths"]
    issue = paths["/api/tokens"]["post"]
    schema = issue["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]) >= {"ttl_hours", "label", "account", "allowed_models"}
    assert {"max_requests", "budget", "budget_period"} <= set(schema["properties"])
    assert "200" in {str(status) for status in issue["responses"]}


def test_a_token_may_be_handed_over_instead(client: Client) -> None:
    made = post(client, "", {"label": "for Ann", "ttl_hours": 48, "handover": True}).json()
    assert "token" not in made and made["label"] == "for Ann" and made["ttl_hours"] == 48
    assert re.fullmatch(r"http://testserver/handover/[A-Za-z0-9_-]{43}", made["handover_url"])
    assert made["handover_expires_at"].endswith("Z")
    assert "handover_url" not in post(client, "", {"handover": False}).json()
    assert post(client, "", {"handover": "yes"}).json()["error"].startswith("handover:")
