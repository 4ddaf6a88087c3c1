"""Every test of tokens has its own data directory: services write mirror files there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

SECRET = "test-secret-test-secret-test-secret-0"
FIXTURES = Path(__file__).parent / "reference"


@pytest.fixture(autouse=True)
def _own_data_dir(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    settings.STORAGE_POLICY = "memory"
    settings.TOKEN_SECRET = SECRET


def stored(name: str) -> dict[str, Any]:
    """A recorded store: `secret`, and `tokens` with what the reference answers to each."""
    found: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    return found


def copied(name: str, target: Path) -> Path:
    """The files of a recorded store, in `target`."""
    for source in (FIXTURES / name).iterdir():
        shutil.copyfile(source, target / source.name)
    return target
