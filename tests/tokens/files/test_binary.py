"""File tokens.bin against the reference's own files, its recorded answers to broken ones, and any record."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tokens.conftest import FIXTURES, stored
from tests.tokens.files.damaged_cases import named, raw, records
from tests.tokens.files.test_lino import NUMBER, TEXT
from tokens.files import binary
from tokens.files.types import StoredToken


@pytest.mark.parametrize("case", named("binary"), ids=lambda case: case["case"])
def test_every_recorded_file(case: dict[str, Any]) -> None:
    found = binary.read(raw(case, "tokens.bin"))
    if case["exit"] == 0:
        assert records(found) == case["records"]
        assert len(found.problems) == (case["case"] == "hdr cut")  # the reference ends there quietly
    else:
        assert found.problems


def test_the_sample_of_the_format() -> None:
    token = StoredToken("a", "x", 1700000000, 1700086400)
    record = b'{"id":"a","label":"x","issued_at":1700000000,"expires_at":1700086400,"revoked":false,"account":null}'
    assert binary.write([token]) == b"LARTOK01\x64\x00\x00\x00" + record


@pytest.mark.parametrize(
    "name", ["both-one-process", "both-many-cli-runs", "unicode-secret", "divergent-files"]
)
def test_the_references_file_is_written_again_byte_for_byte(name: str) -> None:
    file = (FIXTURES / name / "tokens.bin").read_bytes()
    found = binary.read(file)
    assert not found.problems
    assert binary.write(found.records.values()) == file


def test_every_label_is_true() -> None:
    found = binary.read((FIXTURES / "both-many-cli-runs" / "tokens.bin").read_bytes())
    truth = {token["id"]: token["label"] for token in stored("both-many-cli-runs")["tokens"]}
    assert {token.id: token.label for token in found.records.values()} == truth


TOKENS = st.lists(
    st.builds(
        StoredToken,
        id=TEXT,
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
    found = binary.read(binary.write(tokens))
    assert found.records == {token.id: token for token in tokens}
    assert not found.problems


@given(TOKENS, st.data())
def test_a_cut_loses_only_what_is_behind_it(tokens: list[StoredToken], data: st.DataObject) -> None:
    file = binary.write(tokens)
    cut = file[: data.draw(st.integers(0, len(file)))]
    written = {token.id: token for token in tokens}
    for token in binary.read(cut).records.values():
        assert written[token.id] == token


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_accident(noise: bytes) -> None:
    binary.read(noise)
    binary.read(binary.MAGIC + noise)
    binary.read(binary.MAGIC + len(noise).to_bytes(4, "little") + noise)


def test_one_bad_record_does_not_take_the_rest_with_it() -> None:
    good = binary.write([StoredToken("b")])[len(binary.MAGIC) :]
    bad = b'{"id":"a","label":"x","issued_at":1,"expires_at":2,"revoked":"true"}'
    found = binary.read(binary.MAGIC + len(bad).to_bytes(4, "little") + bad + good)
    assert list(found.records) == ["b"]
    assert [(problem.place, problem.token_id) for problem in found.problems] == [("record 1", "a")]


def test_a_repeated_id_does_not_take_a_revocation_back() -> None:
    first = binary.write([StoredToken("a", revoked=True)])
    second = binary.write([StoredToken("a")])[len(binary.MAGIC) :]
    assert binary.read(first + second).records["a"].revoked


@pytest.mark.parametrize("field", ["id", "label", "account"])
def test_half_a_surrogate_pair_leaves_its_record_out_and_no_other(field: str) -> None:
    """JSON can write one; no database and no file takes it."""
    good = {"id": "a", "label": "x", "issued_at": 1, "expires_at": 2, "revoked": False, "account": "y"}
    bad = {**good, "id": "b", field: "\ud83d"}
    found = binary.read(b"LARTOK01" + b"".join(framed(one) for one in (bad, good)))
    assert list(found.records) == ["a"]
    (problem,) = found.problems
    assert (problem.place, problem.reason) == ("record 1", f"no Unicode text in `{field}`")
    assert problem.token_id == (None if field == "id" else "b")


@pytest.mark.parametrize(("most", "left"), [(10**30, 2**63 - 1), (7, 7), (True, 1), (-5, 0)])
def test_a_number_of_requests_stays_one_that_a_database_takes(most: int, left: int) -> None:
    record = {
        "id": "a",
        "label": "x",
        "issued_at": 1,
        "expires_at": 2,
        "revoked": False,
        "max_requests": most,
    }
    assert binary.read(b"LARTOK01" + framed(record)).records["a"].max_requests == left


def framed(record: dict[str, Any]) -> bytes:
    line = json.dumps(record).encode()
    return len(line).to_bytes(4, "little") + line
