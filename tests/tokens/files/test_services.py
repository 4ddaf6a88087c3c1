"""Database and the reference's files together: imported once, revocation wins, the way back works."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from tests.principals import SOMEBODY
from tests.sign_ins import person, sign_in
from tests.tokens.conftest import SECRET, copied, stored
from tokens import services
from tokens.errors import ExpiredToken, RevokedToken
from tokens.files import binary, lino
from tokens.files import services as file_services
from tokens.files.types import StoredToken
from tokens.jwt import signing
from tokens.models import Token
from tokens.registry import Registry

pytestmark = pytest.mark.django_db(transaction=True)
FIELDS = ["id", "label", "issued_at", "expires_at", "revoked", "account", "max_requests", "used_requests"]
TEXT = st.text(st.characters(codec=None, categories=None), max_size=8)
JSON = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.just("\ud83d") | st.just(2**70)


@pytest.fixture(autouse=True)
def _both(options: Any) -> None:
    options(STORAGE_POLICY="both")


@pytest.mark.parametrize(
    "name", ["both-one-process", "both-many-cli-runs", "divergent-files", "lost-revocation", "unicode-secret"]
)
def test_a_recorded_store_is_taken_over_with_its_tokens(name: str, tmp_path: Path) -> None:
    """Check that every token works after the import as before, and that a revocation in either file holds."""
    copied(name, tmp_path)
    report = file_services.sync_files(principal=SOMEBODY)
    assert report.problems == []
    store = stored(name)
    registry = Registry(store["secret"].encode(), accept_unrecorded=False)
    registry.load()
    revoked = {
        token_id
        for contents in (lino.read((tmp_path / "tokens.lino").read_bytes()),)
        for token_id, token in contents.records.items()
        if token.revoked
    }
    for token in store["tokens"]:
        row = services.get(token["id"])
        assert (row.label, row.account, row.issued_at, row.expires_at) == (
            *(token["label"], token["account"]),
            *(token["issued_at"], token["expires_at"]),
        )
        try:
            registry.authenticate(token["token"], time.time())
            answer = 200
        except RevokedToken:
            answer = 403
        except ExpiredToken:
            answer = 401
        expected = token["answer"]["status"]
        if row.is_revoked and expected == 200:  # the reference forgot it, one file still knew
            expected = 403
        assert answer == expected
        assert row.is_revoked == (token["id"] in revoked)


def test_divergent_files_lose_no_revocation(tmp_path: Path) -> None:
    copied("divergent-files", tmp_path)
    file_services.sync_files(principal=SOMEBODY)
    for token in stored("divergent-files")["tokens"]:
        assert services.get(token["id"]).is_revoked == token["revoked"]


def test_an_import_happens_once(tmp_path: Path) -> None:
    copied("both-one-process", tmp_path)
    first = file_services.sync_files(principal=SOMEBODY)
    assert first.added == Token.objects.count() == len(stored("both-one-process")["tokens"])
    before = {token.id: token.revision for token in Token.objects.all()}
    second = file_services.sync_files(principal=SOMEBODY)
    assert (second.added, second.revoked) == (0, 0)
    assert {token.id: token.revision for token in Token.objects.all()} == before


def test_every_change_is_in_the_files_when_the_service_returns(tmp_path: Path) -> None:
    token = services.issue(label='é "q" \n', principal=SOMEBODY).token
    for read, name in ((lino.read, "tokens.lino"), (binary.read, "tokens.bin")):
        assert read((tmp_path / name).read_bytes()).records == {
            token.id: StoredToken(token.id, 'é "q" \n', token.issued_at, token.expires_at)
        }
    services.revoke(token.id, principal=SOMEBODY)
    for read, name in ((lino.read, "tokens.lino"), (binary.read, "tokens.bin")):
        assert read((tmp_path / name).read_bytes()).records[token.id].revoked


def test_what_the_rust_router_did_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """Keep what the Rust router did (one issued, one revoked) over our next change."""
    first, second = services.issue(principal=SOMEBODY).token, services.issue(principal=SOMEBODY).token
    theirs = lino.read((tmp_path / "tokens.lino").read_bytes()).records
    theirs[first.id] = StoredToken(first.id, "", first.issued_at, first.expires_at, revoked=True)
    theirs["rust"] = StoredToken("rust", "made there", 1, 2**40)
    (tmp_path / "tokens.lino").write_bytes(lino.write(theirs.values()))
    services.change(second.id, label="x", principal=SOMEBODY)
    assert services.get(first.id).is_revoked
    assert services.get("rust").label == "made there"
    written = binary.read((tmp_path / "tokens.bin").read_bytes()).records
    assert written[first.id].revoked and "rust" in written and written[second.id].label == "x"


def test_a_shortened_life_looks_revoked_to_the_rust_router_and_only_to_it(tmp_path: Path) -> None:
    old = services.issue(principal=SOMEBODY).token
    services.rotate(old.id, principal=SOMEBODY)
    assert lino.read((tmp_path / "tokens.lino").read_bytes()).records[old.id].revoked
    file_services.sync_files(principal=SOMEBODY)
    assert not services.get(old.id).is_revoked


def test_a_damaged_record_comes_in_revoked_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "tokens.lino").write_bytes(b'(token a (label "x") (revoked true)\n(token b (label "y"))\n')
    report = file_services.sync_files(principal=SOMEBODY)
    assert [problem.place for problem in report.problems] == ["tokens.lino line 1"]
    assert "line 1" in caplog.text
    assert services.get("a").is_revoked and not services.get("b").is_revoked


def test_memory_imports_and_writes_nothing(tmp_path: Path, options: Any) -> None:
    options(STORAGE_POLICY="memory")
    copied("both-one-process", tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    services.issue(principal=SOMEBODY)
    assert file_services.sync_files(principal=SOMEBODY).added == 0
    assert Token.objects.count() == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_change_stands_when_the_files_cannot_be_written(
    tmp_path: Path, options: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    options(DATA_DIR=tmp_path / "file")
    issued = services.issue(principal=SOMEBODY)
    assert services.get(issued.token.id)
    assert "Can't write the token files" in caplog.text
    with pytest.raises(OSError, match="exists"):
        file_services.sync_files(principal=SOMEBODY)


def test_an_import_never_takes_a_revocation_back() -> None:
    token = services.issue(principal=SOMEBODY).token
    services.revoke(token.id, principal=SOMEBODY)
    report = file_services.import_records([StoredToken(token.id, "", 1, 2)], principal=SOMEBODY)
    assert (report.added, report.revoked) == (0, 0)
    assert services.get(token.id).is_revoked


def test_odd_records_are_made_storable_or_told() -> None:
    report = file_services.import_records([
        StoredToken("a", "nul \0", -5, 2**62, account="x" * 300),
        StoredToken("b", max_requests=0),
        *(StoredToken(odd) for odd in ("", "x" * 256, "n\0")),
    ], principal=SOMEBODY)  # fmt: skip
    assert (report.added, len(report.problems)) == (2, 3)
    row = services.get("a")
    assert (row.label, row.issued_at, len(row.account or "")) == ("nul \ufffd", -5, 255)
    assert services.get("b").max_requests == 0


def test_a_thousand_records_come_in_by_few_queries(django_assert_max_num_queries: Any) -> None:
    records = [StoredToken(f"t{number}", expires_at=2**40) for number in range(1200)]
    with django_assert_max_num_queries(60):
        assert file_services.import_records(records, principal=SOMEBODY).added == 1200
    revoked = [StoredToken(record.id, revoked=True) for record in records]
    with django_assert_max_num_queries(60):
        assert file_services.import_records(revoked, principal=SOMEBODY).revoked == 1200
    assert connection.in_atomic_block is False


def test_another_directory_is_read_and_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    copied("unicode-secret", other)
    before = {path.name: path.read_bytes() for path in other.iterdir()}
    report = file_services.import_directory(other, principal=SOMEBODY)
    assert report.added == len(stored("unicode-secret")["tokens"])
    assert {path.name: path.read_bytes() for path in other.iterdir()} == before


def test_an_issued_token_is_known_after_a_way_there_and_back(tmp_path: Path) -> None:
    """Take a token back from the files when our row is lost."""
    issued = services.issue(label="kept", principal=SOMEBODY)
    Token.objects.all().delete()
    (tmp_path / "tokens.known").unlink()
    file_services.sync_files(principal=SOMEBODY)
    registry = Registry(SECRET.encode(), accept_unrecorded=False)
    registry.load()
    assert registry.authenticate(issued.secret, time.time()).label == "kept"
    assert signing.verify(issued.secret, SECRET.encode()).sub == issued.token.id


def test_a_damaged_record_is_left_out_told_and_the_file_kept_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    line = b'{"id":"bad","label":"\\ud83d","issued_at":1,"expires_at":9999999999,"revoked":false}'
    good = StoredToken("good", "x", 1, 9999999999)
    (tmp_path / "tokens.bin").write_bytes(binary.write([good]) + len(line).to_bytes(4, "little") + line)
    before = (tmp_path / "tokens.bin").read_bytes()
    report = file_services.sync_files(principal=SOMEBODY)
    assert [problem.reason for problem in report.problems] == ["no Unicode text in `label`"]
    assert "tokens.bin record 2: no Unicode text in `label`" in caplog.text
    assert {token.id: token.revoked_at is not None for token in Token.objects.all()} == {
        "good": False,
        "bad": True,
    }
    assert [path.read_bytes() for path in tmp_path.glob("tokens.bin.damaged-*")] == [before]
    assert not file_services.sync_files(principal=SOMEBODY).problems, "and the next start has nothing to tell"


@given(st.binary(max_size=120), st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON), max_size=3))
@settings_of_hypothesis(max_examples=60, deadline=None)
def test_no_file_whatever_is_in_it_stops_the_start(noise: bytes, given_records: list[dict[str, Any]]) -> None:
    lines = [json.dumps(record).encode() for record in given_records]
    framed = b"".join(len(line).to_bytes(4, "little") + line for line in lines)
    found = [
        *binary.read(b"LARTOK01" + framed + noise).records.values(),
        *lino.read(b"\n".join(lines) + noise).records.values(),
    ]
    file_services.import_records(found, principal=SOMEBODY)
    Token.objects.all().delete()


def test_sign_ins_are_nothing_for_the_files(tmp_path: Path) -> None:
    signed_in = sign_in(person())
    plain = services.issue(principal=SOMEBODY).token
    text = (tmp_path / "tokens.lino").read_text()
    assert plain.id in text and signed_in.id not in text
    file_services.sync_files(principal=SOMEBODY)
    assert not Token.objects.get(pk=signed_in.pk).is_revoked
