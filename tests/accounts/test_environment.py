"""Accounts that the environment names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.environment import named_by_environment

Environment = Callable[..., Path]


def names() -> list[str]:
    return [named.name for named in named_by_environment()]


def test_the_home_the_extra_directories_and_the_key_in_this_order(environment: Environment) -> None:
    home = environment(extra=2, key="sk-ant-api03-k")
    assert names() == ["primary", "account-1", "account-2", "api-key"]
    assert named_by_environment()[0].location == str(home)
    assert "sk-ant" not in repr(named_by_environment())


def test_primary_is_listed_without_credentials_too(environment: Environment) -> None:
    environment()
    assert names() == ["primary"]


def test_with_a_key_an_empty_default_home_is_no_account(
    environment: Environment, options: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(key="sk-ant-api03-k")
    monkeypatch.setenv("HOME", str(tmp_path))
    home = tmp_path / ".claude"
    options(CLAUDE_CODE_HOME=home)
    assert names() == ["api-key"]
    home.mkdir()
    (home / ".credentials.json").touch()
    assert names() == ["primary", "api-key"]
