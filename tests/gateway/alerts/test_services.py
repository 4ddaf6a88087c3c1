"""Channels and rules as rows: what is encrypted, what is shown, what the audit keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.alerts import services
from gateway.alerts.errors import AlertNotFound, BadAlert, ChannelExists
from gateway.alerts.models import AlertChannel, AlertRule
from gateway.models import AuditRow
from tests.gateway.alerts.making import P, channel, rule

pytestmark = pytest.mark.django_db
SLACK = "https://hooks.slack.test/services/T0/B0/CANARYcanaryCANARY"


def kept() -> str:
    rows: list[Any] = [*AlertChannel.objects.values(), *AuditRow.objects.values()]
    return json.dumps(rows, default=str)


def test_targets_and_secrets_are_in_no_row_in_the_clear() -> None:
    secret = channel()
    channel("chat", "slack", SLACK)
    services.change_channel("chat", {"target": SLACK + "2"}, **P)
    changed = services.change_channel("ops", {"secret": None}, **P).secret
    assert changed not in ("", secret)
    assert not any(each in kept() for each in (secret, changed, "CANARYcanary", "/services/"))
    row = AlertChannel.objects.get(name="ops")
    assert (services.secret_of(row), services.target_of(row)) == (changed, "https://hooks.example.org/x")
    assert [services.of_channel(row)["target"] for row in services.channels()] == [
        "https://hooks.slack.test/…",
        "https://hooks.example.org/…",
    ]
    assert AuditRow.objects.filter(action="channel.change").count() == 2


def test_people_are_shown_and_what_another_key_encrypted_breaks_no_list(settings: Any) -> None:
    channel("mail", "email", "ann@example.org")
    assert services.shown_target(services.get_channel("mail")) == "ann@example.org"
    settings.DATA_ENCRYPTION_KEYS = (b"k" * 32,)
    assert "unreadable" in services.shown_target(services.get_channel("mail"))


def test_a_name_is_given_once() -> None:
    channel()
    with pytest.raises(ChannelExists):
        channel()
    with pytest.raises(AlertNotFound):
        services.change_channel("other", {}, **P)


def test_a_rule_needs_channels_that_are_there() -> None:
    with pytest.raises(BadAlert, match="channels: there is no channel named 'ops'"):
        rule("disk")
    assert not AlertRule.objects.exists()


def test_a_removed_channel_leaves_the_rules_and_the_audit_says_so() -> None:
    channel()
    channel("two", "slack", SLACK)
    made = rule("disk", ("ops", "two"))
    services.remove_channel("ops", **P)
    shown = services.of_rule(services.get_rule(str(made.pk)))
    assert shown["channels"] == ["two"]
    entry = AuditRow.objects.get(action="rule.change")
    assert (entry.before, entry.after) == ({"channels": ["ops", "two"]}, {"channels": ["two"]})
    services.remove_channel("two", **P)
    assert services.change_rule(str(made.pk), {"enabled": False}, **P).enabled is False


@pytest.mark.parametrize("wrong", ["0", "x", "-1", "9" * 30, "१"])
def test_rules_that_are_not_there(wrong: str) -> None:
    for ask in (services.get_rule, lambda it: services.remove_rule(it, **P)):
        with pytest.raises(AlertNotFound):
            ask(wrong)
