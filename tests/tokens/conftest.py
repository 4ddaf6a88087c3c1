"""Fixtures of token tests. Each has its own data directory: services write mirror files there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

SECRET = "test-secret-test-secret-test-secret-0"
FIXTURES = Path(__file__).parent / "reference"


@pytest.fixture(autouse=True)
def _own_data_dir(options: Any, tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path, STORAGE_POLICY="memory", TOKEN_SECRET=SECRET)


def stored(name: str) -> dict[str, Any]:
    """Read a recorded store: `secret`, and `tokens` with what the reference answers to each."""
    found: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    return found


def copied(name: str, target: Path) -> Path:
    """Copy the files of a recorded store to `target`."""
    for source in (FIXTURES / name).iterdir():
        shutil.copyfile(source, target / source.name)
    return target
