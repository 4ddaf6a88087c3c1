"""Each source asks for what goes with it, and says how its login is renewed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from accounts.errors import BadAccount
from accounts.models import Account, Source
from gateway.console.pages import account_forms as forms
from gateway.kernel.asking import BadParameter

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_of_this_machine(options: Any, tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path, CLAUDE_CODE_HOME=str(tmp_path / "none"))


def names(source: str) -> set[str]:
    return (
        {each.name for each in forms.to_add(source)}
        - {each.name for each in forms.TERMS}
        - {"name", "provider"}
    )


def test_every_source_has_its_own_fields() -> None:
    assert set(forms.SOURCES) == set(Source)
    assert names("api_key") == {"secret"}
    assert names("oauth") == {"credentials", "secret", "refresh_token", "expires_at"}
    assert names("directory") == names("environment") == {"location"}
    assert names("aws") == {"location", "region", "access_key_id", "secret", "session_token", "role_arn"}
    assert names("google") == {"location", "region", "secret"}
    assert names("azure") == {"region", "tenant_id", "client_id", "secret"}


def test_providers_that_take_such_a_login_are_proposed() -> None:
    assert forms.fitting("oauth") == ["anthropic"]
    assert "anthropic" in forms.fitting("api_key")
    assert forms.fitting("aws") == []


def test_a_pasted_file_becomes_a_pair() -> None:
    pair = {"accessToken": "sk-ant-oat01-x", "refreshToken": "r", "expiresAt": 1_900_000_000_000}
    given = forms.as_given({"credentials": json.dumps({"claudeAiOauth": pair}), "request_caps": ["50/60"]})
    assert given == {
        "secret": "sk-ant-oat01-x",
        "refresh_token": "r",
        "expires_at": 1_900_000_000.0,
        "request_caps": [{"requests": 50, "window_seconds": 60}],
    }
    assert forms.as_given({"no_proxy": True, "weight": 2}) == {"proxy": "", "weight": 2}


@pytest.mark.parametrize("text", ["nothing", "[]", "{}", '{"claudeAiOauth": {"accessToken": ""}}'])
def test_what_is_no_login_is_told_without_it(text: str) -> None:
    with pytest.raises(BadAccount) as caught:
        forms.as_given({"credentials": text})
    assert caught.value.field == "credentials"


def test_a_cap_that_is_none_is_told() -> None:
    with pytest.raises(BadParameter, match="50/60"):
        forms.as_given({"request_caps": ["50 a minute"]})


def test_what_the_environment_names_keeps_its_place() -> None:
    row = Account(name="a", source=Source.DIRECTORY, location="/a", is_managed=True)
    assert not {"location", "provider"} & {each.name for each in forms.to_change(row)}
    assert forms.to_log_in(row) == ()
    row.is_managed = False
    assert {"location", "provider"} <= {each.name for each in forms.to_change(row)}


def test_every_source_has_steps() -> None:
    told = {
        source: forms.steps(
            Account(name="a", source=source, location="/it is" if source == "directory" else "IT")
        )
        for source in Source
    }
    assert all(len(steps) >= 2 for steps in told.values())
    assert told[Source.DIRECTORY][0].command == "CLAUDE_CONFIG_DIR='/it is' claude"
    assert told[Source.ENVIRONMENT][0].command == "IT=…"
    assert "Paste" in told[Source.OAUTH][2].text
    assert len(forms.steps(Account(name="a", source=Source.AZURE, is_managed=True))) == 1
