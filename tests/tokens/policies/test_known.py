"""What is known of Claude Code's settings: mistakes are told, and refused only when nothing can take them."""

from __future__ import annotations

from typing import Any

import pytest

from tokens.errors import BadTokenField
from tokens.policies.known import TYPES, check, warnings


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"env": []}, "settings.env"),
        ({"env": {"A": 1}}, "settings.env"),
        ({"permissions": []}, "settings.permissions"),
        ({"permissions": {"deny": "Bash"}}, "settings.permissions.deny"),
        ({"permissions": {"allow": [1]}}, "settings.permissions.allow"),
    ],
)
def test_what_no_release_can_take_is_refused_by_name(given: dict[str, Any], param: str) -> None:
    with pytest.raises(BadTokenField) as refused:
        check(given)
    assert refused.value.param == param


GOOD = {
    "model": "claude-sonnet-5-5",
    "availableModels": ["claude-sonnet-5-5"],
    "env": {"CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1"},
    "permissions": {"deny": ["Read(./.env)"], "defaultMode": "plan"},
    "hooks": {},
    "cleanupPeriodDays": 30,
    "managedMcpServers": {},
    "theme": "dark",
    "disableAllHooks": False,
}


def test_good_settings_are_told_nothing() -> None:
    check(GOOD)
    assert warnings(GOOD) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"modle": "x"}, "modle: no setting of this name"),
        ({"model": 5}, "model: Claude Code expects a text"),
        ({"cleanupPeriodDays": True}, "cleanupPeriodDays: Claude Code expects a number"),
        ({"disableAllHooks": "yes"}, "disableAllHooks: Claude Code expects true or false"),
        ({"env": {"OTEL_LOGS_EXPORTER": "otlp", "CLAUDE_CODE_ENABLE_TELEMETRY": "1"}}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
        ({"env": {"OTEL_LOGS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}}, "ENABLE_TELEMETRY"),
    ],
)  # fmt: skip
def test_what_may_be_a_mistake_is_told(given: dict[str, Any], told: str) -> None:
    (warning,) = warnings(given)
    assert told in warning


def test_no_name_is_listed_twice() -> None:
    assert len(TYPES) > 180 and all(name.strip("$").isalnum() for name in TYPES)
