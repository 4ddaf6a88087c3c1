"""Fixtures of all tests. In CI nothing may be skipped for want of a program that `.ci/run` installs."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import TransactionTestCase
from hypothesis import settings
from pytest_django import DjangoDbBlocker

from accounts.pool.live import POOL
from gateway.config.table import Options
from gateway.kernel import events
from gateway.kernel.parts import PARTS
from gateway.personal import models
from providers.catalog.live import CATALOG
from tests.e2e.installs import NOT_TO_BE_HAD

HOSTS = Path(__file__).parent / "e2e" / "many"
ELSEWHERE = {
    "interop": ("GATEWAY_TEST_INTEROP", "runs under `make interop`"),
    "long": ("GATEWAY_TEST_LONG", "runs under `make test-long`"),
}
"""Marks of tests that `make test` leaves to others: the variable that asks for them, and why they are skipped."""
MAY_BE_SKIPPED = (NOT_TO_BE_HAD, *(reason for _, reason in ELSEWHERE.values()))
"""How reasons begin that are good in CI, too: the registries' programs come and go, Debian's do not."""

_skipped: list[str] = []

settings.register_profile("any machine", settings(), deadline=None)  # a busy one takes longer than its 200 ms
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def nobody_serves() -> Iterator[None]:
    """Take a test's pool and catalog away after it, where it has started this process's relay."""
    yield
    PARTS.drop(POOL)
    PARTS.drop(CATALOG)
    PARTS.drop(models.READER)
    composition = sys.modules.get("gateway.runtime.composition")
    if composition is not None:
        composition.dissolve()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Give each test that commits the migrated database back, a copy of its pages.

    Django would empty every table and make all permissions anew, each time: that took longer than most such tests.
    """
    with django_db_blocker.unblock(), contextlib.closing(sqlite3.connect(":memory:")) as migrated:
        connection.ensure_connection()
        connection.connection.backup(migrated)

        def restore(_: TransactionTestCase) -> None:
            connection.ensure_connection()
            migrated.backup(connection.connection)
            ContentType.objects.clear_cache()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TransactionTestCase, "_fixture_teardown", restore)
            yield


@pytest.fixture
def told() -> Iterator[list[events.Event]]:
    """The events of this process, from here on."""
    heard: list[events.Event] = []
    events.subscribe(heard.append)
    yield heard
    events.unsubscribe(heard.append)


@pytest.fixture
def options(settings: Any) -> Callable[..., Options]:
    """`options(WORKERS=2)`: the gateway's options with these changed, until the test is over."""

    def change(**changes: Any) -> Options:
        settings.GATEWAY = dataclasses.replace(settings.GATEWAY, **changes)
        changed: Options = settings.GATEWAY
        return changed

    return change


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Hosts of several workers first: at the end they would be taken from one another, with a host started for each,
    # and the last would run alone.
    items.sort(key=lambda item: HOSTS not in item.path.parents)
    for name, (variable, reason) in ELSEWHERE.items():
        if os.environ.get(variable) != "true":
            for item in items:
                if item.get_closest_marker(name) is not None:
                    item.add_marker(pytest.mark.skip(reason=reason))


def pytest_xdist_auto_num_workers() -> int:
    """Run one test more at once than there are processors: many wait for another process, or for a moment to pass."""
    return (os.cpu_count() or 1) + 1


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        if not reason.startswith(MAY_BE_SKIPPED):
            _skipped.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    is_controller = not hasattr(session.config, "workerinput")
    if is_controller and _skipped and os.environ.get("CI") == "true":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _skipped and os.environ.get("CI") == "true":
        terminalreporter.section("skipped, and must not be in CI")
        for skipped in _skipped:
            terminalreporter.line(skipped)
