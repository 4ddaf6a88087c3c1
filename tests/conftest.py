"""What all tests share. In CI nothing that needs a program may be skipped: `.ci/run` has installed them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from accounts import live as serving_pool
from providers import live as serving_catalog

NEEDS_A_PROGRAM = ("postgres", "redis", "nginx", "browser", "cli", "litellm")

_skipped: list[str] = []


@pytest.fixture(autouse=True)
def nobody_serves() -> Iterator[None]:
    """A test that started the process's road leaves its pool and catalog to nobody."""
    yield
    serving_pool._serving.clear()
    serving_catalog._serving.clear()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and any(name in report.keywords for name in NEEDS_A_PROGRAM):
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    is_controller = not hasattr(session.config, "workerinput")
    if is_controller and _skipped and os.environ.get("CI") == "true":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _skipped and os.environ.get("CI") == "true":
        terminalreporter.section("skipped, and must not be in CI")
        for nodeid in _skipped:
            terminalreporter.line(nodeid)
