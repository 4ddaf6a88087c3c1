"""The shipped examples: only names that exist, nothing open, no secret that works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.config.table import table

ROOT = Path(__file__).resolve().parents[2]
FILES = [ROOT / "Dockerfile", *(path for path in sorted((ROOT / "deploy").rglob("*")) if path.is_file())]
FOREIGN = {
    *("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "SOURCE_DATE_EPOCH"),
    *("PIP_NO_CACHE_DIR", "PIP_DISABLE_PIP_VERSION_CHECK"),
    *("POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD_FILE"),
    *("GF_SECURITY_ADMIN_PASSWORD__FILE", "GF_ANALYTICS_REPORTING_ENABLED"),
    *("AF_INET", "AF_INET6", "AF_UNIX"),
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_variable_is_an_option(path: Path) -> None:
    known = set(table()) | {option.file_name for option in table().values() if option.is_secret} | FOREIGN
    named = set(re.findall(r"\b[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+\b", path.read_text()))
    assert named <= known


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_opened_and_no_secret_is_given(path: Path) -> None:
    text = path.read_text()
    assert "ALLOW_" not in text
    assert not re.search(r"(?:SECRET|KEY)[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9]{6,}", text)


def test_supervisors_wait_for_the_drain() -> None:
    drain = float(table()["DRAIN_SECONDS"].default_text)
    unit = (ROOT / "deploy/systemd/link-assistant-router.service").read_text()
    assert int(re.findall(r"TimeoutStopSec=(\d+)", unit)[0]) > drain
