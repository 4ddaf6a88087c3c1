"""File tokens.lino against the reference's own files, its recorded answers to broken ones, and any text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tokens.conftest import FIXTURES, stored
from tests.tokens.files.damaged_cases import named, raw, records
from tokens.files import lino
from tokens.files.types import StoredToken

# The reference loads these without the group that was cut off; we don't believe such a record.
CUT = {
    "onlyopen",
    "trunc2",
    "esc end",
    "cut after the last group: last parenthesis missing",
    "cut after account group",
}
# It damages this one (its reader's bug), and refuses the whole store over these.
READ_TRUE = {"nonascii"}
KEPT = {"unknown": 0, "unknown field no val": 1, "bom": 0, "semicolon": 1}  # with how many problems


@pytest.mark.parametrize("case", named("text"), ids=lambda case: case["case"])
def test_every_recorded_file(case: dict[str, Any]) -> None:
    found = lino.read(raw(case, "tokens.lino"))
    name = case["case"]
    if name in CUT:
        assert not found.records
        assert [problem.token_id for problem in found.problems] == ["a"]
    elif name in READ_TRUE:
        assert found.records["a"].label == "é"
    elif name in KEPT:
        assert "a" in found.records
        assert len(found.problems) == KEPT[name]
    elif case["exit"] == 0:
        assert records(found) == case["records"]
        assert not found.problems
    else:
        assert not found.records
        reason = (
            case["stderr"]
            .removeprefix("error: storage codec error: ")
            .removeprefix("error: storage I/O error: ")
        )
        assert found.problems[0].reason[:40] == reason.rstrip("\n")[:40]


@pytest.mark.parametrize("name", ["both-one-process", "unicode-secret", "divergent-files"])
def test_the_references_file_is_written_again_byte_for_byte(name: str) -> None:
    file = (FIXTURES / name / "tokens.lino").read_bytes()
    found = lino.read(file)
    assert not found.problems
    assert lino.write(found.records.values()) == file


def test_damaged_text_is_repaired_to_the_true_labels() -> None:
    found = lino.read((FIXTURES / "both-many-cli-runs" / "tokens.lino").read_bytes())
    truth = {token["id"]: token for token in stored("both-many-cli-runs")["tokens"]}
    assert len(found.records) > 10
    for token in found.records.values():
        assert lino.repaired(token.label) == truth[token.id]["label"]
        if token.account is not None:
            assert lino.repaired(token.account) == truth[token.id]["account"]


TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
NUMBER = st.integers(-(2**63), 2**63 - 1)
TOKENS = st.lists(
    st.builds(
        StoredToken,
        id=st.text("abc-_.é0", min_size=1, max_size=6),
        label=TEXT,
        issued_at=NUMBER,
        expires_at=NUMBER,
        revoked=st.booleans(),
        account=st.none() | TEXT,
    ),
    unique_by=lambda token: token.id,
)


@given(TOKENS)
def test_what_is_written_is_read_back(tokens: list[StoredToken]) -> None:
    found = lino.read(lino.write(tokens))
    assert found.records == {token.id: token for token in tokens}
    assert not found.problems


@given(TOKENS, st.data())
def test_a_cut_anywhere_never_unrevokes(tokens: list[StoredToken], data: st.DataObject) -> None:
    """Check that every prefix of a file yields only whole records, or reports the last one."""
    file = lino.write(tokens)
    cut = file[: data.draw(st.integers(0, len(file)))]
    written = {token.id: token for token in tokens}
    for token in lino.read(cut).records.values():
        # the last line may be cut between its id and the end only when nothing of it is lost
        assert written[token.id] == token


@given(TEXT)
def test_any_mojibake_is_undone(text: str) -> None:
    damaged = text
    for _ in range(4):
        damaged = damaged.encode().decode("latin-1")
    assert lino.repaired(damaged) == lino.repaired(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_accident(noise: bytes) -> None:
    lino.read(b"(token a (label " + noise + b"))\n" + noise)


def test_a_cut_record_is_still_somebodys() -> None:
    found = lino.read(b'(token a (label "x") (revoked true\n(token b\n(token c ')
    assert [problem.token_id for problem in found.problems] == ["a", None, None]


def test_a_repeated_id_does_not_take_a_revocation_back() -> None:
    found = lino.read(b"(token a (revoked true))\n(token a (revoked false))\n")
    assert found.records["a"].revoked
    assert found.problems[0].token_id == "a"


def test_a_newer_routers_request_limit_is_what_is_left_of_it() -> None:
    found = lino.read(
        b"(token a (max_requests 10) (used_requests 4))\n(token b (max_requests 1) (used_requests 3))\n"
    )
    assert (found.records["a"].max_requests, found.records["b"].max_requests) == (6, 0)
    assert not found.problems


def test_ids_that_the_format_cannot_hold_are_left_out() -> None:
    assert lino.write([StoredToken("a b"), StoredToken("c)"), StoredToken("")]).decode() == lino.HEADER
