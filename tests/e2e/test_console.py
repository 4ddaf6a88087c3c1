"""The console in a real browser, under its policy: set up, used, and watched while calls come in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.calls import ASK
from tests.fakes.browser import PROGRAM, Browser
from tests.harness import SERVERS, GatewayProcess, Token, manage

pytestmark = [pytest.mark.browser, pytest.mark.skipif(PROGRAM is None, reason="no chromium")]
NAME, PASSWORD = "root@example.org", "a-password-of-the-test"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path / "browser") as browser:
        yield browser


def click(browser: Browser, hook: str) -> None:
    """Follow a link, or press a button that leads to another page."""
    browser.send(f"document.querySelector('[data-test={hook}]').click()")


def press(browser: Browser, hook: str) -> None:
    """Press a button that stays on the page."""
    browser.run(f"document.querySelector('[data-test={hook}]').click()")


def log_in(browser: Browser, gateway: GatewayProcess) -> None:
    """Through the form, as people do, from `/` to the console."""
    manage(
        gateway.data_dir, "createsuperuser", "--noinput", "--username", NAME, "--email", NAME,
        settings={"DJANGO_SUPERUSER_PASSWORD": PASSWORD},
    )  # fmt: skip
    browser.open(f"http://127.0.0.1:{gateway.port}/")
    assert browser.run("location.pathname") == "/login/"
    browser.run(f"id_username.value = '{NAME}'; id_password.value = '{PASSWORD}'")
    browser.send("document.querySelector('[type=submit]').click()")
    assert browser.run("location.pathname") == "/console/"


@pytest.mark.parametrize("server", SERVERS)
def test_from_the_set_up_link_to_a_call_that_is_seen_explained_and_taken_along(
    start, vendor, browser: Browser, server: str
) -> None:
    """Everything in one browser, as whoever sets a gateway up; pages one by one: test_walk.py."""
    gateway = start(server)
    link = re.search(r"make the first one at (\S+/setup/\S+)", gateway.log())
    assert link is not None
    browser.open(link[1])
    browser.run(f"id_email.value = '{NAME}'; id_password.value = '{PASSWORD}'")
    click(browser, "save")
    assert browser.run("location.pathname") == "/console/"
    click(browser, "nav-people")
    click(browser, "issue-token")
    click(browser, "save")
    token = Token(browser.run("document.querySelector('[data-test=secret]').textContent"), "")
    click(browser, "nav-requests")
    browser.wait("document.readyState === 'complete'")
    press(browser, "live")
    browser.wait("document.getElementById('live-status').textContent.startsWith('Live')")
    headers = [token.bearer, ("anthropic-version", "2023-06-01"), ("content-type", "application/json")]
    assert gateway.ask("POST", "/v1/messages", headers, ASK).status == 200
    browser.wait("document.querySelectorAll('tbody [data-test=call]').length === 1")
    browser.send("document.querySelector('[data-test=call] a').click()")
    assert "asked for claude-" in browser.run("document.querySelector('[data-test=explain]').textContent")
    click(browser, "nav-usage")
    click(browser, "period-today")
    click(browser, "by-model")
    assert browser.run("document.querySelectorAll('[data-test=usage-table] tbody tr').length") == 1
    table = browser.run("fetch(document.querySelector('[data-test=csv]').href).then((told) => told.text())")
    assert [line.split(",")[0] for line in table.split("\r\n")] == ["model", "claude-sonnet-5-5", ""]
    click(browser, "nav-audit")
    told = browser.run("document.querySelector('table.entries').textContent")
    assert all(each in told for each in ("usage.export", "token.issue", "setup.done"))
    assert browser.complaints == []
    assert browser.hosts == {f"127.0.0.1:{gateway.port}"}


@pytest.mark.parametrize("server", SERVERS)
def test_calls_come_in_while_one_looks(start, vendor, browser: Browser, server: str) -> None:
    gateway = start(server)
    log_in(browser, gateway)
    click(browser, "nav-requests")
    browser.wait("document.readyState === 'complete'")
    press(browser, "live")
    browser.wait("document.getElementById('live-status').textContent.startsWith('Live')")
    assert gateway.messages(ASK).status == 200
    browser.wait("document.querySelectorAll('tbody [data-test=call]').length === 1")
    assert "claude-" in browser.run("document.querySelector('[data-test=call]').textContent")
    press(browser, "pause-live")
    browser.wait("document.getElementById('live-status').textContent.startsWith('Paused')")
    gateway.stop()
    press(browser, "pause-live")
    browser.wait("document.getElementById('live-status').textContent.includes('trying again')")
    assert browser.hosts == {f"127.0.0.1:{gateway.port}"}
