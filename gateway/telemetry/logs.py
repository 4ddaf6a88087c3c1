"""Write log lines to standard error as text or JSON, each with its request's id, and no secret in any.

Secrets are taken out where the line is written, after formatting: so tracebacks and foreign
libraries' lines are covered too.
"""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from gateway.kernel.redaction import redact
from gateway.telemetry.request_ids import current as request_id

ID_IN_META = "gateway.request_id"
"""Where a Django request keeps its id: Django logs some answers when their context is gone."""


class RequestIdFilter(logging.Filter):
    """Puts the id of the running exchange on the record, or of the Django request that the record names."""

    def filter(self, record: logging.LogRecord) -> bool:
        known = getattr(getattr(record, "request", None), "META", {})
        record.request_id = known.get(ID_IN_META) or request_id.get()
        return True


_LINE_ENDS = re.compile("[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""What moves a terminal's cursor, colours it, turns its text around, hides in it, or is no character at all."""


def _escaped(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode()


class TextFormatter(logging.Formatter):
    """Writes `2026-01-31T12:00:00.000Z  INFO gateway.relay.relay [id] message`."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)5s %(name)s [%(request_id)s] %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        # One record, one line: a line break in a value must not look like another record.
        record.message = _LINE_ENDS.sub(_escaped, record.message)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return _CONTROLS.sub(_escaped, redact(super().format(record)))


class JsonLineFormatter(JsonFormatter):
    """Writes one JSON object per line: time, level, logger, request_id, message, and what `extra=` adds."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s %(levelname)s %(name)s %(request_id)s %(message)s",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


_OURS = ("gateway", "providers", "accounts", "tokens", "forgefed")
"""Loggers that may write at debug. Libraries say there what they work on: whole template contexts, forms, frames of a
WebSocket, an issuer's answers, and no pattern knows every secret in them."""


def config(level: str, form: str) -> dict[str, Any]:
    """Return Django's LOGGING. `level` as LOG_LEVEL, `form` as LOG_FORMAT."""
    formatter = JsonLineFormatter if form == "json" else TextFormatter
    own = level.upper()
    foreign = "INFO" if own == "DEBUG" else own
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "request_id": {"()": RequestIdFilter},
            "few": {"()": "gateway.telemetry.strangers.FewLinesFilter"},
        },
        "formatters": {"line": {"()": formatter}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
                "formatter": "line",
                "filters": ["few", "request_id"],
            }
        },
        "root": {"handlers": ["stderr"], "level": foreign},
        "loggers": {
            **{name: {"level": own} for name in _OURS},
            # Django's default handlers would write the same lines again.
            "django": {"handlers": [], "level": foreign, "propagate": True},
            "django.server": {"handlers": [], "level": foreign, "propagate": True},
            # It repeats at every attempt what freshness and recorder say once.
            "psycopg.pool": {"level": "ERROR"},
        },
    }
