"""`router alerts`."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from gateway.alerts.models import AlertRule
from gateway.models import AuditRow
from tests.gateway.alerts.making import HERE, Receiver

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> tuple[str, str, int]:
    out, err = StringIO(), StringIO()
    try:
        call_command("alerts", *arguments, stdout=out, stderr=err, no_color=True)
    except SystemExit as exit_:
        return out.getvalue(), err.getvalue(), int(exit_.code or 0)
    return out.getvalue(), err.getvalue(), 0


def told(*arguments: str) -> Any:
    out, err, status = run(*arguments, "--json")
    assert (err, status) == ("", 0)
    return json.loads(out)


def test_a_channel_and_a_rule_are_made_changed_and_removed() -> None:
    made = told("add-channel", "ops", "webhook", "--target", "https://hooks.example.org/CANARY")
    assert made["secret"].startswith("whsec_") and made["target"] == "https://hooks.example.org/…"
    assert told("change-channel", "ops", "--new-secret")["secret"] != made["secret"]
    rule = told("add", "budget", "--channel", "ops", "--threshold", "80", "--subject", "group:team")
    number = str(rule["id"])
    assert (rule["threshold"], rule["enabled"], rule["channels"]) == (80, True, ["ops"])
    changed = told("change", number, "--off", "--quiet-from", "22:00", "--quiet-to", "07:00")
    assert (changed["enabled"], changed["threshold"], changed["quiet_from"]) == (False, 80, "22:00")
    lines = run("list")[0].splitlines()
    assert lines[1].split() == [number, "budget", "80", "group:team", "ops", "22:00-07:00", "off"]
    assert lines[-1].split() == ["ops", "webhook", "https://hooks.example.org/…"]
    assert told("remove", number) == {"deleted": number} and told("remove-channel", "ops") == {
        "deleted": "ops"
    }
    assert told("list") == {"rules": [], "channels": []}
    rows = AuditRow.objects.order_by("pk")
    assert {row.who_kind for row in rows} == {"command"} and "CANARY" not in str([row.after for row in rows])
    assert [row.action for row in rows] == [
        "channel.create", "channel.change", "rule.create", "rule.change", "rule.remove", "channel.remove",
    ]  # fmt: skip


def test_what_can_not_be_is_said_with_a_status(monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in (("remove", "7"), ("remove-channel", "none"), ("test", "none"), ("log", "--limit", "0")):
        assert run(*arguments)[2] == 2, arguments
    out, err, status = run("add", "budget", "--channel", "nobody")
    assert (out, status) == ("", 1) and "there is no channel named 'nobody'" in err
    monkeypatch.setattr("gateway.management.commands.alerts.read_secret", lambda _: "ann@example.org")
    assert told("add-channel", "mail", "email", "--target-stdin")["target"] == "ann@example.org"
    assert "already" in run("add-channel", "mail", "email", "--target", "b@example.org")[1]
    assert not AlertRule.objects.exists()


def test_a_test_is_sent_and_the_log_shows_it(options: Any) -> None:
    options(EGRESS_ALLOWED_NETWORKS=HERE)
    with Receiver(500) as receiver:
        told("add-channel", "ops", "webhook", "--target", receiver.url)
        out, err, status = run("test", "ops")
        assert (out, status) == ("", 1) and "answered 500" in err
        assert run("test", "ops") == ("it arrived\n", "", 0)
        assert [body["event"] for body in receiver.bodies()] == ["test", "test"]
    rows = told("log", "--channel", "ops", "--state", "test")["data"]
    assert [row["error"] for row in rows] == [None, "answered 500"]
    assert (
        len(run("log", "--limit", "1")[0].splitlines()) == 2
        and told("log", "--channel", "other")["data"] == []
    )
