"""A data directory of the test's own: services write the provider file there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts import live
from accounts.pool import Pool


@pytest.fixture
def data_dir(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    return tmp_path / "data"


@pytest.fixture
def serving() -> Iterator[Pool]:
    """This process serves, with this pool."""
    pool = Pool()
    live.use(pool)
    yield pool
    live.forget(pool)
