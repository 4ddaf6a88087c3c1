"""The table of stored objects."""

from __future__ import annotations

import pytest

from gateway.models import StoredObjectRow
from gateway.objects import rows
from gateway.objects.records import MAX_DOCUMENT_BYTES
from gateway.objects.rows import Wanted
from tests.gateway.objects.building import stored

pytestmark = pytest.mark.django_db


def test_what_is_written_is_found_until_its_time_is_over() -> None:
    rows.write([stored("file_1"), stored("file_2", expires_at=200.0, account="")])
    found = rows.find(["file_1", "file_2", "file_3"], 150.0)
    assert found == {"file_1": stored("file_1"), "file_2": stored("file_2", expires_at=200.0, account="")}
    assert set(rows.find(["file_1", "file_2"], 201.0)) == {"file_1"}


def test_a_thousand_ids_are_found_at_once() -> None:
    rows.write([stored(f"file_{n}") for n in range(1200)])
    assert len(rows.find([f"file_{n}" for n in range(1200)], 0.0)) == 1200


def test_nobody_takes_over_the_object_of_another() -> None:
    rows.write([stored("file_1")])
    assert rows.write([stored("file_1", owner="ledger-2", account="a2"), stored("file_2")]) == {"file_1"}
    assert rows.find(["file_1"], 0.0)["file_1"] == stored("file_1")
    assert "file_2" in rows.find(["file_2"], 0.0)


def test_the_owner_may_tell_of_it_anew() -> None:
    rows.write([stored("file_1", document='{"a": 1}')])
    assert rows.write([stored("file_1", account="a2", expires_at=900.0)]) == set()
    row = StoredObjectRow.objects.get(pk="file_1")
    assert (row.account, row.document) == ("a2", '{"a": 1}')
    assert rows.find(["file_1"], 0.0)["file_1"].expires_at == 900.0


def test_a_list_has_the_owners_objects_of_one_kind_the_newest_first() -> None:
    rows.write(
        [stored(f"file_{n}", made_at=float(n), document=f'{{"id": "file_{n}"}}') for n in range(5)]
        + [stored("batch_1", kind="batch"), stored("file_9", owner="ledger-2")]
    )

    def listed(**more: object) -> tuple[list[str], bool]:
        page = rows.page(Wanted("ledger-1", "file", **{"limit": 2, **more}), 0.0)
        assert page is not None
        return [one.id for one in page.objects], page.has_more

    assert listed() == (["file_4", "file_3"], True)
    assert listed(after="file_3") == (["file_2", "file_1"], True)
    assert listed(after="file_1") == (["file_0"], False)
    assert listed(before="file_1") == (["file_3", "file_2"], True)
    assert listed(before="file_3") == (["file_4"], False)
    assert listed(limit=9) == ([f"file_{n}" for n in (4, 3, 2, 1, 0)], False)
    assert rows.page(Wanted("ledger-1", "file", 2, after="file_9"), 0.0) is None


def test_objects_made_in_one_moment_are_listed_once_each() -> None:
    rows.write([stored(f"file_{n}") for n in range(5)])
    seen: list[str] = []
    after = None
    while True:
        page = rows.page(Wanted("ledger-1", "file", 2, after=after), 0.0)
        assert page is not None
        seen += [one.id for one in page.objects]
        if not page.has_more:
            break
        after = seen[-1]
    assert sorted(seen) == [f"file_{n}" for n in range(5)]


def test_descriptions_are_renewed_and_bounded() -> None:
    rows.write([stored("file_1", document="x" * (MAX_DOCUMENT_BYTES + 1))])
    assert StoredObjectRow.objects.get(pk="file_1").document == ""
    rows.describe({"file_1": '{"a": 2}', "file_unknown": "{}"})
    assert StoredObjectRow.objects.get(pk="file_1").document == '{"a": 2}'


def test_what_is_over_is_pruned() -> None:
    rows.write([stored("file_1", expires_at=10.0), stored("file_2", expires_at=20.0), stored("file_3")])
    assert rows.prune(15.0, 10) == 1
    assert rows.prune(30.0, 10) == 1
    assert list(StoredObjectRow.objects.values_list("pk", flat=True)) == ["file_3"]
