"""The console in a real browser: from the login through every page, under its policy, without a complaint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.calls import ASK
from tests.fakes.browser import PROGRAM, Browser
from tests.harness import SERVERS, GatewayProcess, manage

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


def look(browser: Browser, width: int, scheme: str) -> None:
    """Show pages as wide as that, and in these colours."""
    browser.ask(
        "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500
    )
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


@pytest.mark.parametrize("server", SERVERS)
def test_every_question_is_few_clicks_away(start, vendor, browser: Browser, server: str) -> None:
    gateway = start(server)
    assert gateway.messages(ASK).status == 200
    gateway.exchanges(gateway.token)  # written by now
    log_in(browser, gateway)
    assert browser.run("document.querySelector('[data-test=calls-today]').textContent") == "1"
    click(browser, "nav-requests")
    click(browser, "apply")
    browser.send("document.querySelector('[data-test=call] a').click()")
    assert "asked for claude-" in browser.run("document.querySelector('[data-test=explain]').textContent")
    click(browser, "nav-usage")
    click(browser, "period-today")
    click(browser, "by-model")
    assert browser.run("document.querySelectorAll('[data-test=usage-table] tbody tr').length") == 1
    click(browser, "nav-people")
    click(browser, "issue-token")
    click(browser, "save")
    secret = browser.run("document.querySelector('[data-test=secret]').textContent")
    click(browser, "nav-people")
    browser.run(f"document.querySelector('[name=secret]').value = '{secret}'")
    click(browser, "find-secret")
    click(browser, "revoke")
    assert "revoked" in browser.run("document.querySelector('[data-test=found-token]').textContent")
    click(browser, "nav-audit")
    assert browser.run("document.querySelectorAll('[data-test=entry]').length") > 0
    for page in ("", "requests/", "usage/?by=token,model,day", "audit/", "people/", "people/issue/"):
        for width, scheme in ((1440, "light"), (390, "dark")):
            look(browser, width, scheme)
            browser.open(f"http://127.0.0.1:{gateway.port}/console/{page}")
            assert browser.run("document.documentElement.scrollWidth") <= width, page
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
