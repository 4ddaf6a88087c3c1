"""`/api/alerts/…`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from gateway.access import guards
from tests.gateway.alerts.making import HERE, Receiver, is_signed

pytestmark = pytest.mark.django_db
KEY = "admin-key-of-this-test"
HOOK = {"name": "ops", "kind": "webhook", "target": "https://hooks.example.org/a/CANARY"}


@pytest.fixture(autouse=True)
def closed(options: Any) -> Iterator[None]:
    options(TOKEN_ADMIN_KEY=KEY, EGRESS_ALLOWED_NETWORKS=HERE)
    guards.gate.cache_clear()
    yield
    guards.gate.cache_clear()


def ask(method: str, path: str, body: object = None) -> tuple[int, Any]:
    answer = Client().generic(
        method,
        f"/api/alerts{path}",
        "" if body is None else json.dumps(body),
        "application/json",
        headers={"Authorization": f"Bearer {KEY}"},
    )
    return answer.status_code, json.loads(answer.content)


def test_the_secret_of_a_webhook_is_told_once() -> None:
    status, made = ask("POST", "/channels", HOOK)
    shown = {"name": "ops", "kind": "webhook", "target": "https://hooks.example.org/…"}
    assert (
        status == 201 and made == {**shown, "secret": made["secret"]} and made["secret"].startswith("whsec_")
    )
    assert ask("GET", "/channels/ops") == (200, shown)
    assert ask("GET", "/channels") == (200, {"data": [shown], "has_more": False, "next_after": None})
    _, again = ask("PATCH", "/channels/ops", {"secret": None})
    assert again["secret"] not in ("", made["secret"])
    assert ask("PATCH", "/channels/ops", {"target": "https://b.example.org/"})[1] == {
        **shown, "target": "https://b.example.org/…",
    }  # fmt: skip
    assert ask("POST", "/channels", HOOK)[0] == 409
    assert ask("DELETE", "/channels/ops") == (200, {"deleted": "ops"})
    assert ask("GET", "/channels/ops")[0] == ask("DELETE", "/channels/ops")[0] == 404


def test_rules_are_made_changed_and_removed() -> None:
    ask("POST", "/channels", HOOK)
    status, made = ask("POST", "/rules", {"event": "budget", "threshold": 50, "channels": ["ops"]})
    assert (status, made) == (
        201,
        {
            "id": made["id"], "event": "budget", "threshold": 50, "subject": "", "channels": ["ops"],
            "enabled": True, "quiet_from": None, "quiet_to": None,
        },
    )  # fmt: skip
    path = f"/rules/{made['id']}"
    changed = {**made, "quiet_from": "22:00", "quiet_to": "07:00", "enabled": False}
    given = {"quiet_from": "22:00", "quiet_to": "07:00", "enabled": False}
    assert ask("PATCH", path, given) == ask("GET", path) == (200, changed)
    assert ask("GET", "/rules")[1]["data"] == [changed]
    assert ask("DELETE", path)[0] == 200 and ask("GET", path)[0] == 404


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/channels", {**HOOK, "kind": "pager"}, "kind"),
        ("/channels", {**HOOK, "colour": "red"}, "colour"),
        ("/channels", {"name": "x", "kind": "email", "target": "nobody"}, "target"),
        ("/rules", {"event": "budget", "channels": ["none"]}, "channels"),
        ("/rules", {"event": "budget"}, "channels"),
        ("/rules", {"event": "budget", "channels": ["ops"], "threshhold": 5}, "threshhold"),
    ],
)
def test_what_can_not_be_taken_is_named(path: str, body: dict[str, Any], field: str) -> None:
    status, told = ask("POST", path, body)
    assert (status, told["field"], told["error"]["type"]) == (400, field, "invalid_request_error")
    assert told["status"] == 400 and told["detail"].startswith(f"{field}: ")


def test_lists_come_in_portions() -> None:
    for number in range(3):
        ask("POST", "/channels", {**HOOK, "name": f"c{number}"})
    _, first = ask("GET", "/channels?limit=2")
    assert [each["name"] for each in first["data"]] == ["c0", "c1"] and first["has_more"]
    _, rest = ask("GET", f"/channels?limit=2&after={first['next_after']}")
    assert [each["name"] for each in rest["data"]] == ["c2"] and not rest["has_more"]
    assert ask("GET", "/channels?after=nobody")[1]["field"] == "after"
    assert ask("GET", "/log?limit=0")[0] == 400 and ask("GET", "/log?chanel=x")[1]["field"] == "chanel"


def test_a_test_reaches_the_channel_and_stands_in_the_log() -> None:
    with Receiver(503) as receiver:
        _, made = ask("POST", "/channels", {**HOOK, "target": receiver.url})
        assert ask("POST", "/channels/ops/test") == (
            200, {"ok": False, "status": 503, "message": "answered 503"},
        )  # fmt: skip
        assert ask("POST", "/channels/ops/test")[1]["ok"] is True
        assert is_signed(receiver.seen[1], made["secret"])
        ids = [seen.get("webhook-id") for seen in receiver.seen]
    _, log = ask("GET", "/log?channel=ops&event=test&state=test")
    assert [row["id"].encode() for row in log["data"]] == list(reversed(ids))
    assert log["data"][1]["error"] == "answered 503" and log["data"][0]["delivered_at"]
    assert ask("POST", "/channels/nobody/test")[0] == 404
