"""Contents that have been read already, and copies of damaged ones."""

from pathlib import Path

from gateway.kernel import known_files


def test_contents_are_remembered_and_the_newest_replace_the_others(tmp_path: Path) -> None:
    path = tmp_path / "x.known"
    assert known_files.recall(path) == set()
    known_files.remember(path, [b"one", b"two"])
    assert known_files.recall(path) == {known_files.digest(b"one"), known_files.digest(b"two")}
    before = path.stat().st_ino
    known_files.remember(path, [b"two"])  # nothing new: the file stays
    assert path.stat().st_ino == before
    known_files.remember(path, [b"three"])
    assert known_files.recall(path) == {known_files.digest(b"three")}


def test_a_copy_takes_no_name_that_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "tokens.lino"
    path.write_bytes(b"half")
    known_files.keep_copy(path)
    known_files.keep_copy(path)
    copies = sorted(tmp_path.glob("tokens.lino.damaged-*"))
    assert [copy.read_bytes() for copy in copies] == [b"half", b"half"]
