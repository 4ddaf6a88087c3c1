"""Files are written with a copy of what was there, readable by their owner only, and put back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.clients import writing
from gateway.clients.errors import ClientError
from gateway.clients.programs import CLIENTS, Client, Wanted

WANTED = Wanted("http://127.0.0.1:8080", "la_sk_x", "claude-sonnet-5-5")
CLAUDE = CLIENTS["claude-code"]
EACH = pytest.mark.parametrize("client", CLIENTS.values(), ids=lambda client: client.name)


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path)}


@EACH
def test_written_twice_and_undone_nothing_is_left(client: Client, home: dict[str, str]) -> None:
    for wanted in (WANTED, Wanted("http://other:1", "la_sk_y", "gpt-5.6")):
        written = writing.write(client, wanted, home)
        assert written.backup is None and written.file.stat().st_mode & 0o777 == 0o600
        assert writing.configured(client, home) == wanted
    assert writing.undo(client, home).file == written.file
    assert [path for path in Path(home["HOME"]).rglob("*") if path.is_file()] == []


def test_what_was_there_is_kept_and_comes_back(home: dict[str, str]) -> None:
    file = CLAUDE.file(home)
    file.parent.mkdir()
    file.write_text('{"theme":"dark"}')
    file.chmod(0o640)
    written = writing.write(CLAUDE, WANTED, home)
    assert written.backup is not None and written.backup.read_text() == '{"theme":"dark"}'
    assert json.loads(file.read_text())["theme"] == "dark"
    writing.write(CLAUDE, WANTED, home)
    writing.undo(CLAUDE, home)
    assert file.read_text() == '{"theme":"dark"}' and file.stat().st_mode & 0o777 == 0o640
    assert not written.backup.exists()


def test_what_the_program_wrote_since_stays(home: dict[str, str]) -> None:
    file = writing.write(CLAUDE, WANTED, home).file
    file.write_text(json.dumps({**json.loads(file.read_text()), "theme": "light"}))
    writing.undo(CLAUDE, home)
    assert json.loads(file.read_text()) == {"theme": "light"}


def test_a_link_stays_a_link(home: dict[str, str], tmp_path: Path) -> None:
    file, elsewhere = CLAUDE.file(home), tmp_path / "dotfiles.json"
    elsewhere.write_text("{}")
    file.parent.mkdir()
    file.symlink_to(elsewhere)
    writing.write(CLAUDE, WANTED, home)
    assert file.is_symlink() and "la_sk_x" in elsewhere.read_text()


@pytest.mark.parametrize("content", [b"{broken", b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named_and_left(home: dict[str, str], content: bytes) -> None:
    file = CLAUDE.file(home)
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(ClientError, match=r"settings\.json"):
        writing.write(CLAUDE, WANTED, home)
    assert file.read_bytes() == content and list(file.parent.iterdir()) == [file]


def test_nothing_to_undo_is_told(home: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="nothing to undo"):
        writing.undo(CLAUDE, home)
