"""The request log at rest: ciphertext alone; who reads it is known; it goes with time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from django.db import connection

from gateway.models import AuditRow, ExchangeRow, RequestLogRow
from gateway.usage.recorder import Recorder, RecorderOptions
from gateway.usage.requestlog import rows
from gateway.usage.requestlog.taps import Entry
from gateway.usage.retention import delete_before
from tests.gateway.usage.requests.making import call, one
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db
PROMPT = b'{"messages": [{"role": "user", "content": "a private prompt"}]}'


def kept(own: str, answer: bytes = b"a private answer") -> ExchangeRow:
    rows.write([(own, Entry(PROMPT, bytearray(answer), len(PROMPT), len(answer)))], 1000)
    return ExchangeRow.objects.get(pk=own)


def test_rows_hold_no_text_and_reading_is_recorded() -> None:
    row = kept(call(token_id="t1"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT encrypted_text FROM gateway_request_log")
        assert "private" not in str(cursor.fetchall())
    assert rows.has(row)
    found = rows.read(row, principal=SOMEBODY)
    assert found == {"request": PROMPT.decode(), "answer": "a private answer", "is_cut": False}
    entry = AuditRow.objects.get(action="log.read")
    assert (entry.subject, entry.after) == ("token:t1", {"request": str(row.pk)})


def test_what_was_not_kept_is_none_and_nobody_has_read_it() -> None:
    row = ExchangeRow.objects.get(pk=call())
    assert not rows.has(row) and rows.read(row, principal=SOMEBODY) is None
    RequestLogRow.objects.create(id=row.pk, encrypted_text="gcm1:bm90aGluZyBvZiBvdXJzIGF0IGFsbA==")
    assert rows.read(row, principal=SOMEBODY) is None
    assert not AuditRow.objects.filter(action="log.read").exists()


def test_what_is_longer_is_cut_and_a_second_write_changes_nothing() -> None:
    own = call()
    row = kept(own, b"y" * 2000)
    kept(own, b"other")
    found = rows.read(row, principal=SOMEBODY)
    assert found is not None and found["is_cut"] and found["answer"] == "y" * 1000


def test_old_ones_go() -> None:
    for age in (0, 9 * 86_400):
        kept(call(age=age))
    assert delete_before(RequestLogRow, time.time() - 7 * 86_400, 10) == 1
    assert RequestLogRow.objects.count() == 1


def test_the_recorder_writes_them_with_the_calls(tmp_path: Path) -> None:
    recorder = Recorder(RecorderOptions(tmp_path))
    ended, running = one(), one()
    for each in (ended, running):
        recorder.log.entries[each.id] = Entry(PROMPT)
    recorder.concluded(ended)
    recorder.turn()
    assert [str(row.pk) for row in RequestLogRow.objects.all()] == [ended.id]
    assert list(recorder.log.entries) == [running.id]
