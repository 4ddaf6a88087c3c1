"""What channels and rules may be given."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from gateway.alerts import fields
from gateway.alerts.errors import BadAlert

HOOK = {"name": "ops", "kind": "webhook", "target": "https://hooks.example.org/a"}
RULE = {"event": "budget", "channels": ["ops"]}


def test_a_webhook_gets_a_secret_and_others_have_none() -> None:
    made = fields.channel(HOOK)
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"))) == 32
    assert fields.channel(HOOK)["secret"] != made["secret"]
    given = "whsec_" + base64.b64encode(b"x" * 24).decode()
    assert fields.channel({**HOOK, "secret": given})["secret"] == given
    assert "secret" not in fields.channel({**HOOK, "kind": "slack"})
    mail = {"name": "m", "kind": "email", "target": "a@example.org,b@example.org"}
    assert fields.channel(mail) == {**mail, "target": "a@example.org, b@example.org"}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": 5}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"kind": "pager"}, "kind"),
        ({"kind": None}, "kind"),
        ({"target": None}, "target"),
        ({"target": "ftp://x.org/"}, "target"),
        ({"target": "https://me:pw@x.org/"}, "target"),
        ({"target": "http://x.org/"}, "target"),
        ({"target": "https://x.org:8443/"}, "target"),
        ({"target": "https://x.org/\n"}, "target"),
        ({"secret": "whsec_short"}, "secret"),
        ({"secret": "nothing"}, "secret"),
        ({"kind": "slack", "secret": "whsec_x"}, "secret"),
        ({"kind": "email", "target": "nobody"}, "target"),
        ({"kind": "email", "target": "a@example.org\r\nBcc: b@example.org"}, "target"),
        ({"taget": "x"}, "taget"),
    ],
)
def test_a_channel_names_the_field_that_can_not_be_taken(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(BadAlert) as refused:
        fields.channel({**HOOK, **changed})
    assert refused.value.param == field and str(refused.value).startswith(f"{field}: ")


def test_networks_that_are_opened_may_be_called_by_http(options: Any) -> None:
    options(EGRESS_ALLOWED_NETWORKS=("10.0.0.0/8",))
    assert fields.channel({**HOOK, "target": "http://10.1.2.3:8080/x"})["target"] == "http://10.1.2.3:8080/x"


def test_of_a_channel_that_is_there_only_target_and_secret_change() -> None:
    assert fields.channel({"target": "https://b.example.org/"}, "webhook") == {
        "target": "https://b.example.org/"
    }
    assert fields.channel({"secret": None}, "webhook")["secret"].startswith("whsec_")
    assert fields.channel({}, "webhook") == {}
    for name in ("name", "kind"):
        with pytest.raises(BadAlert, match=f"{name}: can't be changed"):
            fields.channel({name: "x"}, "webhook")


def test_a_rule_has_the_usual_threshold_of_its_event() -> None:
    assert fields.rule(RULE) == {
        "event": "budget", "threshold": 80, "subject": "", "channels": ["ops"], "enabled": True, "quiet_from": "",
        "quiet_to": "",
    }  # fmt: skip
    usual = {event: fields.rule({**RULE, "event": event})["threshold"] for event in ("disk", "redis")}
    assert usual == {"disk": 90, "redis": None}
    assert fields.rule({**RULE, "event": "redis", "threshold": None})["threshold"] is None


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"event": "flood"}, "event"),
        ({"event": None}, "event"),
        ({"threshold": 0}, "threshold"),
        ({"threshold": True}, "threshold"),
        ({"threshold": "80"}, "threshold"),
        ({"threshold": 1001}, "threshold"),
        ({"event": "account-out", "threshold": 5}, "threshold"),
        ({"event": "error-rate", "threshold": 101}, "threshold"),
        ({"subject": "team"}, "subject"),
        ({"subject": "account:a"}, "subject"),
        ({"subject": 5}, "subject"),
        ({"channels": []}, "channels"),
        ({"channels": "ops"}, "channels"),
        ({"channels": [5]}, "channels"),
        ({"channels": [str(n) for n in range(51)]}, "channels"),
        ({"enabled": 1}, "enabled"),
        ({"quiet_from": "22:00"}, "quiet_to"),
        ({"quiet_to": "07:00"}, "quiet_from"),
        ({"quiet_from": "24:00", "quiet_to": "07:00"}, "quiet_from"),
        ({"quiet_from": "7:00", "quiet_to": "08:00"}, "quiet_from"),
        ({"quiet_from": "07:00", "quiet_to": "07:00"}, "quiet_to"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_rule_names_the_field_that_can_not_be_taken(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(BadAlert) as refused:
        fields.rule({**RULE, **changed})
    assert refused.value.param == field


def test_what_is_not_given_stays_and_another_event_gets_its_own_threshold() -> None:
    before = {
        **fields.rule({**RULE, "threshold": 50, "quiet_from": "22:00", "quiet_to": "07:00"}),
        "channels": [],
    }
    assert fields.rule({"enabled": False}, before) == {**before, "enabled": False}
    assert fields.rule({"event": "disk"}, before)["threshold"] == 90
    assert fields.rule({"quiet_from": None, "quiet_to": ""}, before)["quiet_to"] == ""
