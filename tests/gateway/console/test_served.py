"""The address of a running server, as `doctor` finds it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gateway.console import served


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_an_address_is_known_while_somebody_listens(tmp_path: Path, host: str) -> None:
    with socket.create_server((host, 0)) as server:
        url = f"http://{host}:{server.getsockname()[1]}"
        served.note(tmp_path / "data", url)
        assert served.address(tmp_path / "data") == url
        assert (tmp_path / "data" / served.NAME).stat().st_mode & 0o777 == 0o600
    assert served.address(tmp_path / "data") is None


@pytest.mark.parametrize("text", ["", "nonsense", "http://[", "http://127.0.0.1:99999", "\udcff"])
def test_what_can_not_be_read_is_no_address(tmp_path: Path, text: str) -> None:
    assert served.address(tmp_path) is None
    (tmp_path / served.NAME).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert served.address(tmp_path) is None


def test_a_directory_that_can_not_be_written_is_no_reason_not_to_serve(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    served.note(tmp_path / "file", "http://127.0.0.1:1")
