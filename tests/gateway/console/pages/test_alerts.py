"""`/console/alerts/`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from gateway.alerts import services
from gateway.alerts.models import AlertChannel, AlertRule
from gateway.models import AuditRow
from tests.gateway.alerts.making import HERE, P, Receiver, channel, rule
from tests.gateway.console.pages.people import browser

pytestmark = pytest.mark.django_db
HOOK = {"name": "ops team", "kind": "webhook", "target": "https://hooks.example.org/CANARY"}


@pytest.fixture(autouse=True)
def here(options: Any, tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path, EGRESS_ALLOWED_NETWORKS=HERE)


def listed(client: Client) -> str:
    answer = client.get("/console/alerts/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_channel_is_made_and_its_secret_shown_once() -> None:
    client = browser()
    answer = client.post("/console/alerts/new-channel/", HOOK)
    assert (answer.status_code, answer["Location"]) == (302, "/console/alerts/")
    secret = services.secret_of(AlertChannel.objects.get())
    page = listed(client)
    assert f'data-test="secret">{secret}<' in page and 'data-name="ops team"' in page
    again = listed(client)
    assert secret not in again and "CANARY" not in page + again
    path = "/console/alerts/channels/ops%20team/"
    assert client.post(path, {"target": "", "new_secret": "on"}).status_code == 302
    new = services.secret_of(AlertChannel.objects.get())
    assert new != secret and new in listed(client)
    assert "CANARY" not in client.get(path).content.decode()


def test_a_rule_is_new_with_what_is_usual_and_saved() -> None:
    channel()
    channel("chat", "slack")
    client = browser()
    form = client.get("/console/alerts/new-rule/").content.decode()
    assert 'value="chat" checked' in form and 'data-test="save"' in form and 'value="80"' in form
    given = {"event": "budget", "threshold": "95", "channels": ["ops", "chat"], "enabled": "on"}
    assert client.post("/console/alerts/new-rule/", given).status_code == 302
    made = AlertRule.objects.get()
    assert services.of_rule(made)["channels"] == ["chat", "ops"] and made.threshold == 95
    path = f"/console/alerts/rules/{made.pk}/"
    assert 'value="95"' in client.get(path).content.decode()
    assert (
        client.post(path, {**given, "event": "redis", "quiet_from": "22:00", "quiet_to": "07:00"}).status_code
        == 302
    )
    made.refresh_from_db()
    assert (made.event, made.threshold, made.quiet_from) == ("redis", None, "22:00")
    assert [row.action for row in AuditRow.objects.filter(via="console").order_by("id")] == [
        "rule.create", "rule.change",
    ]  # fmt: skip


def test_what_can_not_be_taken_is_told_beside_what_was_given() -> None:
    channel()
    client = browser()
    answer = client.post(
        "/console/alerts/new-rule/", {"event": "budget", "threshold": "x", "channels": ["ops"]}
    )
    page = answer.content.decode()
    assert answer.status_code == 400 and 'role="alert"' in page and "threshold: must be" in page
    assert 'value="x"' in page and 'value="ops" checked' in page
    answer = client.post("/console/alerts/new-channel/", {**HOOK, "target": "ftp://x"})
    assert answer.status_code == 400 and "target: " in answer.content.decode()
    assert AlertChannel.objects.count() == 1 and not AlertRule.objects.exists()


def test_testing_switching_and_removing() -> None:
    client = browser()
    with Receiver(500) as receiver:
        channel(target=receiver.url)
        made = rule("disk")
        for told in ("did not reach <b>ops</b>: answered 500", "The test reached <b>ops</b>"):
            assert client.post("/console/alerts/channels/ops/test/").status_code == 302
            assert told in listed(client)
    assert 'data-test="alert"' in listed(client)
    for action, kept in (("off", False), ("on", True)):
        client.post(f"/console/alerts/rules/{made.pk}/{action}/")
        assert AlertRule.objects.get().enabled is kept
    client.post("/console/alerts/channels/ops/remove/")
    assert "nobody" in listed(client)
    client.post(f"/console/alerts/rules/{made.pk}/remove/")
    assert not AlertRule.objects.exists() and not AlertChannel.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_others_look_and_have_no_buttons(role: str) -> None:
    channel()
    made = rule("disk")
    client = browser(role)
    page = listed(client)
    assert 'data-test="rule"' in page and 'data-test="new-rule"' not in page and "<button" in page
    assert re.findall(r'<form method="post" action="([^"]*)"', page) == []
    for path in ("new-rule/", "new-channel/", f"rules/{made.pk}/", "channels/ops/"):
        assert client.get(f"/console/alerts/{path}").status_code == 403
        assert client.post(f"/console/alerts/{path}", {}).status_code == 403
    assert client.post("/console/alerts/channels/ops/remove/").status_code == 403
    assert AlertChannel.objects.count() == 1


def test_what_there_is_not() -> None:
    client = browser()
    for path in ("rules/99/", "channels/nobody/"):
        assert client.get(f"/console/alerts/{path}").status_code == 404
        assert client.post(f"/console/alerts/{path}remove/").status_code == 404
    assert client.post("/console/alerts/things/x/remove/").status_code == 404
    assert client.get("/console/alerts/?colour=red").status_code == 400
    assert client.get("/console/alerts/rules/1/remove/").status_code == 405


def test_a_page_costs_few_queries(django_assert_max_num_queries: Any) -> None:
    for number in range(5):
        channel(f"c{number}")
        rule("disk", (f"c{number}",))
    client = browser()
    listed(client)
    with django_assert_max_num_queries(12):
        listed(client)
    services.remove_channel("c1", **P)
