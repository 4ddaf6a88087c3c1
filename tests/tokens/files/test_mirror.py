"""Files beside the database: foreign ones, two merged into one, written whole."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

from tests.tokens.conftest import copied, stored
from tokens.files import binary, lino, mirror
from tokens.files.types import Contents, Problem, StoredToken


def test_a_revocation_in_either_file_wins(tmp_path: Path) -> None:
    found = mirror.read(copied("divergent-files", tmp_path))
    assert not found.problems
    revoked = {token.id: token.revoked for token in found.tokens}
    truth = {token["id"]: token["revoked"] for token in stored("divergent-files")["tokens"]}
    assert revoked == truth
    text_only = lino.read((tmp_path / "tokens.lino").read_bytes()).records
    assert any(
        token.revoked and not text_only[token.id].revoked for token in found.tokens if token.id in text_only
    )


def test_true_labels_win_over_damaged_ones(tmp_path: Path) -> None:
    found = mirror.read(copied("both-many-cli-runs", tmp_path))
    truth = {
        token["id"]: (token["label"], token["account"]) for token in stored("both-many-cli-runs")["tokens"]
    }
    assert {token.id: (token.label, token.account) for token in found.tokens} == truth
    (tmp_path / "tokens.bin").unlink()
    found = mirror.read(tmp_path)
    assert {token.id: (token.label, token.account) for token in found.tokens} == truth


def test_a_label_that_is_damaged_in_both_files_is_mended() -> None:
    damaged = "кот".encode().decode("latin-1")
    for text, whole, true in (
        (damaged, damaged, "кот"),
        (damaged.encode().decode("latin-1"), damaged, "кот"),
        ("кот", damaged, "кот"),
        (damaged, "кот", "кот"),
        ("other", "Ã©", "Ã©"),  # nothing says that it was damaged
    ):
        found = mirror.merged(
            {
                mirror.LINO: Contents({"a": StoredToken("a", text, account=text)}),
                mirror.BINARY: Contents({"a": StoredToken("a", whole, account=whole)}),
            }
        )
        assert [(token.label, token.account) for token in found.tokens] == [(true, true)]
    alone = Contents({"a": StoredToken("a", "Ã©")})
    assert mirror.merged({mirror.BINARY: alone}).tokens == [StoredToken("a", "Ã©")]


def test_a_record_that_cannot_be_believed_counts_as_revoked_unless_the_other_file_has_it() -> None:
    damaged = Contents(
        problems=[Problem("line 3", "cut", "a"), Problem("line 4", "cut", "b"), Problem("line 5", "?")]
    )
    whole = Contents({"b": StoredToken("b", "kept")})
    found = mirror.merged({mirror.LINO: damaged, mirror.BINARY: whole})
    assert found.tokens == [StoredToken("a", revoked=True), StoredToken("b", "kept")]
    assert [problem.place for problem in found.problems] == [
        "tokens.lino line 3",
        "tokens.lino line 4",
        "tokens.lino line 5",
    ]


def test_what_we_wrote_is_not_foreign(tmp_path: Path) -> None:
    tokens = [StoredToken("a", "é", 1, 2)]
    mirror.write(tmp_path, "both", tokens)
    assert mirror.read_foreign(tmp_path) is None
    assert lino.read((tmp_path / "tokens.lino").read_bytes()).records == {"a": tokens[0]}
    assert binary.read((tmp_path / "tokens.bin").read_bytes()).records == {"a": tokens[0]}
    (tmp_path / "tokens.lino").write_bytes(lino.write([StoredToken("b")]))
    found = mirror.read_foreign(tmp_path)
    assert found is not None and [token.id for token in found.tokens] == ["a", "b"]


def test_files_are_private_and_nothing_else_stays_behind(tmp_path: Path) -> None:
    with mirror.locked(tmp_path):
        mirror.write(tmp_path, "both", [StoredToken("a")])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["tokens.bin", "tokens.known", "tokens.lino", "tokens.lock"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_policy_writes_its_files_only_and_an_empty_store_none(tmp_path: Path) -> None:
    mirror.write(tmp_path, "both", [])
    assert not (tmp_path / "tokens.lino").exists()
    mirror.write(tmp_path, "text", [StoredToken("a")])
    assert (tmp_path / "tokens.lino").exists() and not (tmp_path / "tokens.bin").exists()
    mirror.write(tmp_path, "binary", [StoredToken("a")])
    assert (tmp_path / "tokens.bin").exists()


def test_an_unchanged_store_is_not_written_again(tmp_path: Path) -> None:
    mirror.write(tmp_path, "both", [StoredToken("a")])
    before = (tmp_path / "tokens.lino").stat().st_ino
    mirror.write(tmp_path, "both", [StoredToken("a")])
    assert (tmp_path / "tokens.lino").stat().st_ino == before


def test_a_damaged_file_is_kept_aside_before_it_is_overwritten(tmp_path: Path) -> None:
    broken = b"(token a (revoked true)\n"
    (tmp_path / "tokens.lino").write_bytes(broken)
    found = mirror.read_foreign(tmp_path)
    assert found is not None and found.tokens == [StoredToken("a", revoked=True)]
    mirror.write(tmp_path, "text", found.tokens)
    (copy,) = tmp_path.glob("tokens.lino.damaged-*")
    assert copy.read_bytes() == broken


def test_the_lock_shuts_others_out(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with mirror.locked(tmp_path):
            order.append("second")

    with mirror.locked(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
