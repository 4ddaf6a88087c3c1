"""From the link on the terminal to a second factor, and a token handed over, in a real browser under its policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.browser import PROGRAM, Browser
from tests.harness import ADMIN_KEY
from tests.rawhttp import ask
from tests.second_factor import code_of

pytestmark = [pytest.mark.browser, pytest.mark.skipif(PROGRAM is None, reason="no chromium")]
NAME, PASSWORD = "root@example.org", "a long pass phrase"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path / "browser") as browser:
        yield browser


def click(browser: Browser, hook: str) -> None:
    browser.send(f"document.querySelector('[data-test={hook}]').click()")


def text(browser: Browser, hook: str) -> str:
    return str(browser.run(f"document.querySelector('[data-test={hook}]').textContent"))


def where(browser: Browser) -> str:
    return str(browser.run("location.pathname"))


def look(browser: Browser, width: int, scheme: str) -> None:
    """Show pages as wide as that, and in these colours: none is wider."""
    browser.look(width, scheme)
    assert browser.run("document.documentElement.scrollWidth") <= width


def handed_over(gateway: Any) -> str:
    """Issue a token for somebody else; return the link to it at this machine."""
    headers = [("authorization", f"Bearer {ADMIN_KEY}"), ("content-type", "application/json")]
    body = b'{"label": "laptop", "ttl_hours": 48, "handover": true}'
    made = ask(gateway.port, "POST", "/api/tokens", headers, body).json()
    return f"{gateway.url}/handover/{made['handover_url'].rpartition('/')[2]}"


@pytest.mark.parametrize("server", ["daphne"])
def test_the_first_admin_hands_a_token_over_and_takes_a_second_factor(
    start: Any, vendor: Any, browser: Browser, server: str
) -> None:
    gateway = start(server)
    link = re.search(r"No admin yet; make the first one at (\S+/setup/\S+)", gateway.log())
    assert link is not None
    browser.open(link[1])
    look(browser, 390, "dark")
    browser.run(f"id_email.value = '{NAME}'; id_password.value = '{PASSWORD}'")
    click(browser, "save")
    assert where(browser) == "/console/"
    over = handed_over(gateway)
    browser.open(over)
    click(browser, "handover-open")
    secret = text(browser, "secret")
    assert secret.startswith("la_sk_") and f"ANTHROPIC_AUTH_TOKEN={secret}" in text(
        browser, "setup-claude-code"
    )
    look(browser, 1440, "light")
    browser.open(f"{gateway.url}/me/")
    click(browser, "security")
    look(browser, 390, "light")
    key = text(browser, "totp-secret")
    browser.run(f"id_code.value = '{code_of(key)}'")
    click(browser, "save")
    assert "It is on" in text(browser, "totp-on")
    browser.send("document.querySelector('.who button').click()")
    browser.run(f"id_username.value = '{NAME}'; id_password.value = '{PASSWORD}'")
    click(browser, "log-in")
    assert where(browser) == "/login/code"
    browser.run(f"id_code.value = '{code_of(key, 1)}'")  # that of now was taken
    click(browser, "send-code")
    assert where(browser) == "/console/"
    assert browser.complaints == [] and browser.hosts == {f"127.0.0.1:{gateway.port}"}
    log = gateway.log().replace(link[0], "")
    for hidden in (link[1].rpartition("/")[2], over.rpartition("/")[2], secret, key):
        assert hidden not in log
