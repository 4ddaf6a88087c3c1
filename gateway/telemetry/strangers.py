"""Calls of strangers: counted, told in one line a minute at most, never a row and never a line each.

A call is a stranger's when no valid token came with it, whatever its path. No Django.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from gateway.exchange.exchange import Exchange

logger = logging.getLogger(__name__)

LINE_SECONDS = 60.0
LINES_A_MINUTE = 5
NOT_WORTH_A_LINE = frozenset((401, 404, 405))
STRANGERS_SAY = ("django.request", "django.security")
"""Loggers whose lines anybody can make us write."""


def shown(text: str) -> str:
    """Return what strangers send for a log line: short, and nothing that speaks to a terminal."""
    return ascii(text[:100])[1:-1]


class Strangers:
    """Belongs to the event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told_at = float("-inf")
        self._calls = 0

    def concluded(self, exchange: Exchange) -> None:
        """Count one more; says how many they were when it has been quiet about them for a minute."""
        self._calls += 1
        now = self._clock()
        if now - self._told_at < LINE_SECONDS:
            return
        logger.info(
            "calls without a valid token: %d; the last: %s %s from %s, answered %d",
            self._calls,
            shown(exchange.method),
            shown(exchange.path),
            shown(exchange.peer) or "nowhere",
            exchange.status,
        )
        self._told_at, self._calls = now, 0


class FewLinesFilter(logging.Filter):
    """Let a few lines a minute pass of what Django says about bad requests, none of them with a traceback.

    Its errors about our own defects all pass.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._minutes: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        is_security = record.name.startswith("django.security")
        if not record.name.startswith(STRANGERS_SAY) or (record.levelno >= logging.ERROR and not is_security):
            return True
        if getattr(record, "status_code", None) in NOT_WORTH_A_LINE:
            return False
        if is_security:
            record.exc_info, record.exc_text = None, None
        now = self._clock()
        began, count = self._minutes.get(record.name, (now, 0))
        if now - began >= LINE_SECONDS:
            began, count = now, 0
        self._minutes[record.name] = began, count + 1
        return count < LINES_A_MINUTE
