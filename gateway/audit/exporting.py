"""Give all entries away as lines of JSON. Who takes them along is an entry, too."""

from __future__ import annotations

from collections.abc import Generator

import orjson
from django.db import transaction

from gateway.audit import finding
from gateway.audit.finding import Filters
from gateway.kernel import audit
from gateway.kernel.principal import Principal

MEDIA_TYPE = "application/x-ndjson"
SUBJECT = "audit:"


def export(filters: Filters, *, principal: Principal) -> Generator[bytes, None, None]:
    """Record the export, and return the lines of all entries, piece by piece. Raises `BadParameter`."""
    finding.find(filters)
    with transaction.atomic():
        chosen = {name: value for name in Filters.__slots__ if (value := getattr(filters, name))}
        audit.record(principal, "audit.export", SUBJECT, None, chosen)
    return _lines(filters)


def _lines(filters: Filters) -> Generator[bytes, None, None]:
    for rows in finding.every(filters):
        if rows:
            yield b"".join(orjson.dumps(finding.shown(row), option=orjson.OPT_APPEND_NEWLINE) for row in rows)
