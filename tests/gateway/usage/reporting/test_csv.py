from __future__ import annotations

import csv as reader
import io
from datetime import date

import pytest

from gateway.models import AuditRow
from gateway.usage.reporting import csv, sums
from gateway.usage.reporting.question import read
from tests.gateway.usage.reporting.making import few_calls
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db
TODAY = date(2026, 9, 25)


def test_the_columns_in_their_order_all_rows_and_no_totals() -> None:
    few_calls()
    question = read({"by": "token,day"}, TODAY)
    text = b"".join(csv.export(question, principal=SOMEBODY)).decode()
    assert text.startswith("token,token_label,day,requests,errors,") and text.endswith(",USD\r\n")
    rows = list(reader.DictReader(io.StringIO(text, newline="")))
    told = list(sums.rows_of(question))
    assert len(rows) == len(told) == 4
    assert [row["cost"] for row in rows] == [row["cost"] for row in told]
    assert csv.file_name(question) == "usage-2026-09-01_2026-09-30.csv"


def test_no_cell_is_a_formula() -> None:
    few_calls()
    text = b"".join(csv.export(read({"by": "token"}, TODAY), principal=SOMEBODY)).decode()
    assert "t-bob,'=cmd()," in text
    for cell in ("=1", "+1", "-1", "@x", "\tx", "\rx"):
        assert csv.cell(cell) == f"'{cell}"
    assert (csv.cell("a=1"), csv.cell(-1), csv.cell("")) == ("a=1", -1, "")


def test_the_header_comes_before_the_database_is_asked(django_assert_num_queries) -> None:
    question = read({"by": "person"}, TODAY)
    lines = csv.export(question, principal=SOMEBODY)
    with django_assert_num_queries(0):
        assert next(lines).startswith(b"person,requests,")
    assert list(lines) == []
    row = AuditRow.objects.get()
    assert (row.action, row.subject) == ("usage.export", "usage:")
    assert row.after == {"from": "2026-09-01", "to": "2026-09-30", "by": "person"}
