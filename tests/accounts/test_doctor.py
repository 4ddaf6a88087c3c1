"""Findings of `doctor` for each state of a credential."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from accounts import services
from accounts.doctor import doctor_lines
from accounts.models import Account
from gateway.kernel.secrets import fingerprint
from tests.accounts.conftest import write_pair
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "sk-ant-oat01-canary"
Environment = Callable[..., Path]


def lines() -> list[str]:
    return [str(finding) for finding in doctor_lines(online=False)]


def problems() -> list[bool]:
    return [finding.is_problem for finding in doctor_lines(online=False)]


def test_labels_stand_in_the_references_columns(environment: Environment) -> None:
    home = environment(extra=2)
    write_pair(home.parent / "a1", accessToken=TOKEN)
    assert lines() == [
        f"primary credentials    : {home}/credentials.json (MISSING)",
        f"extra account 1        : {home.parent}/a1/.credentials.json (found, token OK)",
        f"extra account 2        : {home.parent}/a2/credentials.json (MISSING)",
    ]
    assert problems() == [True, False, True]


def test_all_five_names_are_probed_and_bad_files_named(environment: Environment) -> None:
    home = environment()
    (home / "credentials.json").write_text("{")
    (home / "config.json").write_text(json.dumps({"access_token": "tok"}))
    (line,) = lines()
    assert line.startswith(f"primary credentials    : {home}/config.json (found, token OK); Failed to parse")


@pytest.mark.parametrize(
    ("pair", "words", "is_problem"),
    [
        ({"accessToken": TOKEN, "expiresAt": 4102444800000}, "token OK, expires 2100-01-01T00:00:00Z", False),
        (
            {"accessToken": TOKEN, "expiresAt": 1000000},
            "token EXPIRED 1970-01-01T00:16:40Z and has no refresh token",
            True,
        ),
        (
            {"accessToken": TOKEN, "expiresAt": 1000000, "refreshToken": "r"},
            "token EXPIRED 1970-01-01T00:16:40Z, will be refreshed",
            False,
        ),
        ({"accessToken": "", "refreshToken": "", "expiresAt": 0}, "LOGGED OUT", True),
        ({"refreshToken": "r"}, "NO TOKEN", True),
    ],
)
def test_states_of_a_pair(
    environment: Environment, pair: dict[str, object], words: str, is_problem: bool
) -> None:
    home = environment()
    write_pair(home, **pair)
    (line,) = lines()
    assert f"(found, {words})" in line and problems() == [is_problem]
    assert "canary" not in line


def test_a_dead_login_is_told_until_another_comes(environment: Environment) -> None:
    home = environment()
    write_pair(home, accessToken=TOKEN, expiresAt=int(time.time() * 1000) + 10**7)
    services.sync_from_environment(principal=SOMEBODY)
    services.mark_dead(Account.objects.get().id, fingerprint(TOKEN), "needs a new login", principal=SOMEBODY)
    assert "NEEDS A NEW LOGIN" in lines()[0] and problems() == [True]
    write_pair(home, accessToken=TOKEN + "2")
    assert problems() == [False]


def test_stored_accounts_and_keys_of_the_environment(environment: Environment) -> None:
    environment(key="sk-ant-api03-canary")
    services.add({"name": "one", "source": "api_key", "secret": "sk-canary"}, principal=SOMEBODY)
    services.add({"name": "two", "source": "environment", "location": "NOT_SET_API_KEY"}, principal=SOMEBODY)
    services.pause("two", principal=SOMEBODY)
    assert lines()[1:] == [
        "account api-key        : token OK",
        "account one            : token OK",
        "account two            : NO TOKEN, paused",
    ]
    assert problems() == [True, False, False, False]


def test_looking_changes_nothing(environment: Environment) -> None:
    environment(extra=1)
    lines()
    assert not Account.objects.exists()


def test_a_login_that_the_command_line_keeps(environment: Environment, options: Callable[..., None]) -> None:
    home = environment()
    options(ROUTING_MODE="cli", CLAUDE_CODE_HOME=home)
    assert f"{home} (read by the command line)" in lines()[0]
    assert problems() == [False]
