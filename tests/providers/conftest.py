"""A data directory of the test's own: services write the provider file there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.pool import live
from accounts.pool.pool import Pool
from gateway.kernel.parts import PARTS


@pytest.fixture
def data_dir(options: Any, tmp_path: Path) -> Path:
    options(DATA_DIR=tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def serving() -> Iterator[Pool]:
    """Make this process serve with a pool."""
    pool = Pool()
    PARTS.put(live.POOL, pool)
    yield pool
    PARTS.drop(live.POOL, pool)
