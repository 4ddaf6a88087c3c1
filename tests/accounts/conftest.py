"""Homes of the environment's accounts, in a directory of the test's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts import services
from tests.accounts.refreshing import write_file
from tests.fakes.token_endpoint import FakeTokenEndpoint


@pytest.fixture
def environment(settings: Any, tmp_path: Path) -> Callable[..., Path]:
    """`environment(extra=2, key="")` → the home; `account-N` are the directories `aN` beside it."""

    def make(extra: int = 0, key: str = "") -> Path:
        home = tmp_path / "home"
        extras = tuple(tmp_path / f"a{number}" for number in range(1, extra + 1))
        for directory in (home, *extras):
            directory.mkdir(exist_ok=True)
        settings.CLAUDE_CODE_HOME, settings.ADDITIONAL_ACCOUNT_DIRS, settings.ANTHROPIC_API_KEY = (
            home,
            extras,
            key,
        )
        return home

    return make


def write_pair(home: Path, name: str = ".credentials.json", **pair: object) -> None:
    (home / name).write_text(json.dumps({"claudeAiOauth": pair}))


@pytest.fixture
def endpoint() -> Iterator[FakeTokenEndpoint]:
    fake = FakeTokenEndpoint()
    yield fake
    fake.close()


@pytest.fixture
def home(tmp_path: Path, settings: Any) -> Path:
    """The account `primary` with an expired pair."""
    settings.CLAUDE_CODE_HOME, settings.ADDITIONAL_ACCOUNT_DIRS, settings.ANTHROPIC_API_KEY = tmp_path, (), ""
    write_file(tmp_path)
    services.sync_from_environment()
    return tmp_path
