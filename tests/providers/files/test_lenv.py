"""`providers.lenv`: read as the reference reads it, written as it writes it, foreign or ours."""

from __future__ import annotations

import stat
from pathlib import Path

from providers.files import lenv

LINE = (
    'PROVIDER: {"name":"quotes","kind":"open-a-i-compatible","base_url":"https://q.example/v1",'
    '"default_model":"mod \\"x\\"","models":["с кириллицей",""],"encrypted_api_key":"aes256gcm:89B6","enabled":true}\n'
)
RECORD = {
    "name": "quotes",
    "kind": "open-a-i-compatible",
    "base_url": "https://q.example/v1",
    "default_model": 'mod "x"',
    "models": ["с кириллицей", ""],
    "encrypted_api_key": "aes256gcm:89B6",
    "enabled": True,
}


def test_what_the_reference_writes_is_what_we_write() -> None:
    assert lenv.render([RECORD]).decode() == lenv.HEAD + LINE
    assert lenv.parse(lenv.HEAD + LINE).records == [(3, RECORD)]


def test_other_lines_are_passed_over_and_damage_is_told() -> None:
    contents = lenv.parse('\n# PROVIDER: x\nX: y\n  PROVIDER: {"name":"a"}  \nPROVIDER: bad\nPROVIDER: []\n')
    assert contents.records == [(4, {"name": "a"})]
    assert [line for line, _ in contents.problems] == [5, 6]


def test_ours_is_not_foreign_and_a_strangers_is_read_once(tmp_path: Path) -> None:
    with lenv.locked(tmp_path):
        lenv.write(tmp_path, lenv.render([RECORD]))
        assert lenv.read_foreign(tmp_path) is None
        (tmp_path / lenv.FILE).write_text(lenv.HEAD + 'PROVIDER: {"name":"b"}\n')
        found = lenv.read_foreign(tmp_path)
        assert found is not None and found.records == [(3, {"name": "b"})]
        lenv.write(tmp_path, lenv.render([RECORD]))
        assert lenv.read_foreign(tmp_path) is None


def test_a_foreign_file_that_says_the_same_becomes_known(tmp_path: Path) -> None:
    raw = lenv.render([RECORD])
    (tmp_path / lenv.FILE).write_bytes(raw)
    with lenv.locked(tmp_path):
        assert lenv.read_foreign(tmp_path) is not None
        lenv.write(tmp_path, raw)
        assert lenv.read_foreign(tmp_path) is None


def test_nothing_is_written_where_there_is_nothing(tmp_path: Path) -> None:
    with lenv.locked(tmp_path / "data"):
        lenv.write(tmp_path / "data", lenv.render([]))
    assert not (tmp_path / "data" / lenv.FILE).exists()
    assert lenv.read(tmp_path).records == []


def test_the_file_is_for_the_owner_only(tmp_path: Path) -> None:
    with lenv.locked(tmp_path):
        lenv.write(tmp_path, lenv.render([RECORD]))
    assert stat.S_IMODE((tmp_path / lenv.FILE).stat().st_mode) == 0o600


def test_a_damaged_file_is_kept_as_a_copy(tmp_path: Path) -> None:
    (tmp_path / lenv.FILE).write_text("PROVIDER: bad\n")
    with lenv.locked(tmp_path):
        lenv.read_foreign(tmp_path)
    copies = list(tmp_path.glob("providers.lenv.damaged-*"))
    assert [copy.read_text() for copy in copies] == ["PROVIDER: bad\n"]
