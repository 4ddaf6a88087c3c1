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
from tests.principals import SOMEBODY


@pytest.fixture
def environment(options: Any, tmp_path: Path) -> Callable[..., Path]:
    """Return `environment(extra=2, key="")`, which gives the home; `account-N` are `aN` beside it."""

    def make(extra: int = 0, key: str = "") -> Path:
        home = tmp_path / "home"
        extras = tuple(tmp_path / f"a{number}" for number in range(1, extra + 1))
        for directory in (home, *extras):
            directory.mkdir(exist_ok=True)
        options(CLAUDE_CODE_HOME=home, ADDITIONAL_ACCOUNT_DIRS=extras, ANTHROPIC_API_KEY=key)
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
def home(tmp_path: Path, options: Any) -> Path:
    """Return the home of the account `primary`, with an expired pair."""
    options(CLAUDE_CODE_HOME=tmp_path, ADDITIONAL_ACCOUNT_DIRS=(), ANTHROPIC_API_KEY="")
    write_file(tmp_path)
    services.sync_from_environment(principal=SOMEBODY)
    return tmp_path
