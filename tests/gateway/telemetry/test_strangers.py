"""Strangers write no rows, and next to no lines."""

from __future__ import annotations

import logging
import sys
from typing import Any

import pytest

from gateway.exchange.exchange import Exchange
from gateway.telemetry import logs
from gateway.telemetry.strangers import LINES_A_MINUTE, FewLinesFilter, Strangers
from tests.accounts.building import Clock


def call(path: str = "/wp-login.php") -> Exchange:
    return Exchange(id="x", started_at=0.0, method="GET", path=path, peer="203.0.113.9", status=401)


def test_one_line_a_minute_says_how_many_they_were(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = Clock()
    strangers = Strangers(clock)
    for _ in range(500):
        strangers.concluded(call())
    clock.now += 60
    strangers.concluded(call("/\x1b[2J\u2028x"))
    assert [record.getMessage() for record in caplog.records] == [
        "calls without a valid token: 1; the last: GET /wp-login.php from 203.0.113.9, answered 401",
        "calls without a valid token: 500; the last: GET /\\x1b[2J\\u2028x from 203.0.113.9, answered 401",
    ]


def record(name: str, level: int, **more: Any) -> logging.LogRecord:
    return logging.makeLogRecord({"name": name, "levelno": level, "msg": "m", **more})


def test_what_anybody_can_provoke_is_a_few_lines_and_no_traceback() -> None:
    clock = Clock()
    few = FewLinesFilter(clock)
    try:
        raise ValueError
    except ValueError:
        trace = sys.exc_info()
    bad_hosts = [record("django.security.DisallowedHost", logging.ERROR, exc_info=trace) for _ in range(100)]
    assert sum(few.filter(one) for one in bad_hosts) == LINES_A_MINUTE
    assert all(one.exc_info is None for one in bad_hosts)
    assert (
        sum(few.filter(record("django.request", logging.WARNING, status_code=403)) for _ in range(100)) == 5
    )
    assert not few.filter(record("django.request", logging.WARNING, status_code=404))
    clock.now += 60
    assert few.filter(record("django.request", logging.WARNING, status_code=403))


def test_our_own_defects_and_other_loggers_always_pass() -> None:
    few = FewLinesFilter(Clock())
    for _ in range(100):
        assert few.filter(record("django.request", logging.ERROR, status_code=500))
        assert few.filter(record("gateway.relay.relay", logging.WARNING))


def test_the_log_is_written_through_it() -> None:
    assert "few" in logs.config("info", "text")["handlers"]["stderr"]["filters"]
