"""Log lines: standard error, text or JSON, each with its request's id, and no secret in any of them.

Secrets are taken out where the line is written, after formatting: so tracebacks and foreign
libraries' lines are covered too.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterable
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from gateway.identity import current as request_id

HIDDEN = "***"
SHORTEST_SECRET = 8  # shorter ones would blot out ordinary words

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"la_sk_[A-Za-z0-9._~+/=-]+"), "la_sk_" + HIDDEN),
    (re.compile(r"sk-ant-[A-Za-z0-9._~+/=-]+"), "sk-ant-" + HIDDEN),
    (re.compile(r"\bsk-[A-Za-z0-9_-]{16,}"), "sk-" + HIDDEN),
    (re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic|payment)(\s+)(?!\*)[^\s'\",;]{8,}"), r"\1\2" + HIDDEN),
    (
        re.compile(
            r"(?i)(x-api-key|authorization|api[_-]?key)(['\"]?\s*[:=,]\s*(?:b(?=['\"]))?['\"]?)(?!\*|bearer\b|basic\b|payment\b)[^\s'\",;)]{4,}"
        ),
        r"\1\2" + HIDDEN,
    ),
    (re.compile(r"(?<=://)[^/\s@'\"]*:[^/\s@'\"]*@"), HIDDEN + "@"),
)


class Redactor:
    """Takes known secrets, and everything that looks like one, out of a text."""

    def __init__(self) -> None:
        self._known: dict[str, None] = {}

    def add(self, secrets: Iterable[str]) -> None:
        """More values never to be shown. Values under 8 letters are left to the patterns."""
        for secret in secrets:
            if len(secret) >= SHORTEST_SECRET:
                self._known[secret] = None
                self._known[json.dumps(secret)[1:-1]] = None

    def __call__(self, text: str) -> str:
        for secret in self._known:
            text = text.replace(secret, HIDDEN)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text


redact = Redactor()


ID_IN_META = "gateway.request_id"
"""Where a Django request keeps its id: Django logs some answers when their context is gone."""


class RequestIdFilter(logging.Filter):
    """Puts the id of the running exchange on the record, or that of the Django request which the record names."""

    def filter(self, record: logging.LogRecord) -> bool:
        known = getattr(getattr(record, "request", None), "META", {})
        record.request_id = known.get(ID_IN_META) or request_id.get()
        return True


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.000Z  INFO gateway.relay [id] message`"""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)5s %(name)s [%(request_id)s] %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        # One record, one line: a line break in a value must not look like another record.
        record.message = record.message.replace("\r", "\\r").replace("\n", "\\n")
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class JsonLineFormatter(JsonFormatter):
    """One JSON object per line: time, level, logger, request_id, message, and what `extra=` adds."""

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


def config(level: str, form: str) -> dict[str, Any]:
    """Django's LOGGING. `level` as LOG_LEVEL, `form` as LOG_FORMAT."""
    formatter = JsonLineFormatter if form == "json" else TextFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": RequestIdFilter}},
        "formatters": {"line": {"()": formatter}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
                "formatter": "line",
                "filters": ["request_id"],
            }
        },
        "root": {"handlers": ["stderr"], "level": level.upper()},
        "loggers": {
            # Django's default handlers would write the same lines again.
            "django": {"handlers": [], "level": level.upper(), "propagate": True},
            "django.server": {"handlers": [], "level": level.upper(), "propagate": True},
            # What these say at debug is every byte and every callback.
            "asyncio": {"level": "INFO"},
            "httpcore": {"level": "INFO"},
            "hpack": {"level": "INFO"},
            # It repeats at every attempt what freshness and recorder say once.
            "psycopg.pool": {"level": "ERROR"},
        },
    }
