"""A file is replaced whole, keeps what it must, and a failure leaves the old one and nothing beside it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gateway.kernel import files


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    files.replace(tmp_path / "a", b"1")
    files.replace(tmp_path / "a", b"2")
    assert (tmp_path / "a").read_bytes() == b"2"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_mode_and_owner_of_another_are_kept(tmp_path: Path) -> None:
    old = tmp_path / "a"
    old.write_bytes(b"1")
    old.chmod(0o640)
    before = old.stat()
    files.replace(old, b"2", like=before)
    after = old.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino


def test_a_disk_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.replace(tmp_path / "a", b"1")

    def fail(handle: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        files.replace(tmp_path / "a", b"2")
    assert (tmp_path / "a").read_bytes() == b"1"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_file_and_directory_reach_the_disk_in_that_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bool] = []
    real = os.fsync

    def watched(handle: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(handle).st_mode))
        real(handle)

    monkeypatch.setattr(os, "fsync", watched)
    files.replace(tmp_path / "a", b"1")
    assert synced == [False, True]
