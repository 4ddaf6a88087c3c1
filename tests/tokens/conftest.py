"""Every test of tokens has its own data directory: services write mirror files there."""

from __future__ import annotations

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
