"""What all tests share. In CI nothing that needs a program may be skipped: `.ci/run` has installed them."""

from __future__ import annotations

import os

import pytest

NEEDS_A_PROGRAM = ("postgres", "redis", "nginx", "browser", "cli", "litellm")

_skipped: list[str] = []


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
