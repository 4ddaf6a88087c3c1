"""Write usage as CSV that a spreadsheet opens without running anything. Who takes it along is in the audit."""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Iterable

from django.db import transaction

from gateway.kernel import audit
from gateway.kernel.principal import Principal
from gateway.usage.reporting import sums
from gateway.usage.reporting.question import Question

MEDIA_TYPE, FORMAT = "text/csv", "csv"
SUBJECT = "usage:"
TOGETHER = 500
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text for a formula, when it begins so."""


def file_name(question: Question) -> str:
    return f"usage-{question.begins}_{question.ends}.csv"


def export(question: Question, *, principal: Principal) -> Generator[bytes, None, None]:
    """Record the export, and return the lines, piece by piece: the header at once, then every row, no totals."""
    with transaction.atomic():
        asked = {
            "from": question.begins,
            "to": question.ends,
            "by": ",".join(question.by),
            **dict(question.filters),
        }
        audit.record(principal, "usage.export", SUBJECT, None, {k: v for k, v in asked.items() if v})
    return _lines(question)


def _lines(question: Question) -> Generator[bytes, None, None]:
    columns = question.columns
    yield _line([columns])
    piece: list[list[object]] = []
    for row in sums.rows_of(question):
        piece.append([cell(row[name]) for name in columns])
        if len(piece) == TOGETHER:
            yield _line(piece)
            piece = []
    if piece:
        yield _line(piece)


def _line(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def cell(value: object) -> object:
    """Return a value as no spreadsheet takes it for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
