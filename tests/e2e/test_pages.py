"""The admin and the API's page in a real browser, under their policy: everything works, nothing is complained about."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.browser import PROGRAM, Browser
from tests.harness import SERVERS, GatewayProcess, manage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(PROGRAM is None, reason="no chromium"),
]
PASSWORD = "a-password-of-the-test"
LISTS = [
    "auth/user", "auth/group", "tokens/token", "tokens/group", "accounts/account", "accounts/poolsetting",
    "providers/provider", "providers/route", "providers/modelmap", "gateway/exchangerow", "gateway/dailyusage",
    "gateway/pricerow",
]  # fmt: skip
FORMS = [
    "auth/user", "tokens/token", "tokens/group", "accounts/account", "providers/provider", "providers/route",
    "gateway/pricerow",
]  # fmt: skip


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path / "browser") as browser:
        yield browser


def log_in(browser: Browser, gateway: GatewayProcess) -> str:
    """Through the form, as people do. The address of the admin."""
    manage(
        gateway.data_dir, "createsuperuser", "--noinput", "--username", "root", "--email", "r@example.com",
        settings={"DJANGO_SUPERUSER_PASSWORD": PASSWORD},
    )  # fmt: skip
    browser.open(f"http://127.0.0.1:{gateway.port}/admin/")
    assert browser.run("location.pathname") == "/login/"
    browser.run(f"id_username.value = 'root'; id_password.value = '{PASSWORD}'")
    browser.send("document.querySelector('[type=submit]').click()")
    assert browser.run("document.title").startswith("Overview")
    return f"http://127.0.0.1:{gateway.port}/admin"


def click_through_the_forms(browser: Browser, admin: str) -> None:
    """Date pickers, a token's life, a deletion."""
    browser.open(f"{admin}/auth/user/1/change/")
    browser.run("document.querySelector('.datetimeshortcuts a[id^=calendarlink]').click()")
    browser.wait("document.querySelector('.calendarbox').getBoundingClientRect().height > 50")
    browser.run("document.querySelector('.calendarbox td a').click()")
    browser.run("document.querySelector('.datetimeshortcuts a[id^=clocklink]').click()")
    browser.wait("document.querySelector('.clockbox').getBoundingClientRect().height > 50")
    assert browser.run("document.querySelector('.vDateField').value")
    browser.open(f"{admin}/tokens/token/add/")
    browser.run("document.querySelector('[name=label]').value = 'of-the-browser'")
    browser.send("document.querySelector('.submit-row [type=submit]').click()")
    browser.run("document.getElementById('copy').click()")
    browser.wait("document.getElementById('copy').textContent === 'Copied'")
    browser.open(f"{admin}/tokens/token/")
    browser.run("document.querySelector('.action-select').click()")
    browser.run("document.querySelector('[name=action]').value = 'revoke_selected'")
    browser.send(
        "document.querySelector('#changelist-form [type=submit], #changelist-form .actions button').click()"
    )
    assert browser.run("document.querySelector('.cancel-link') !== null")
    browser.send("document.querySelector('.cancel-link').click()")
    assert browser.run("location.pathname") == "/admin/tokens/token/"
    browser.open(f"{admin}/auth/user/1/delete/")
    assert "Are you sure" in browser.run("document.body.textContent")


def test_the_admin_works_under_its_policy(start, vendor, browser: Browser) -> None:
    gateway = start("daphne")
    gateway.messages(b"{}")
    admin = log_in(browser, gateway)
    for page in (*(f"{name}/" for name in LISTS), *(f"{name}/add/" for name in FORMS)):
        browser.open(f"{admin}/{page}")
        assert browser.run("document.querySelector('#content') !== null"), page
    for page in (
        "gateway/dailyusage/today/",
        "providers/route/test/?model=m",
        "password_change/",
        "nowhere/",
    ):
        browser.open(f"{admin}/{page}")
    browser.complaints.clear()  # of the one that is not there
    browser.open(f"{admin}/gateway/exchangerow/?within=hour&outcome=failed")
    click_through_the_forms(browser, admin)
    assert browser.complaints == []
    assert browser.hosts == {f"127.0.0.1:{gateway.port}"}


@pytest.mark.parametrize("server", SERVERS)
def test_the_api_page_works_under_its_policy(start, vendor, browser: Browser, server: str) -> None:
    gateway = start(server)
    admin = log_in(browser, gateway)
    browser.open(f"{admin.removesuffix('/admin')}/api/docs")
    browser.wait("document.querySelectorAll('.opblock').length > 30")
    browser.run(
        "document.querySelector('#operations-tokens-tokens_api_listing .opblock-summary-control').click()"
    )
    browser.wait("document.querySelector('.try-out__btn') !== null")
    browser.run("document.querySelector('.try-out__btn').click()")
    browser.wait("document.querySelector('.execute') !== null")
    browser.run("document.querySelector('.execute').click()")
    browser.wait(
        "/200/.test(document.querySelector('.live-responses-table tbody .response-col_status')?.textContent)"
    )
    assert browser.complaints == []
    assert browser.hosts == {f"127.0.0.1:{gateway.port}"}


def test_the_browser_would_complain(start, vendor, browser: Browser) -> None:
    """The test above can fail."""
    gateway = start("daphne")
    browser.open(f"http://127.0.0.1:{gateway.port}/admin/login/")
    with contextlib.suppress(AssertionError):
        browser.run("document.body.setAttribute('style', 'color: red')")
    browser.run("document.body.appendChild(document.createElement('script')).textContent = 'window.ran = 1'")
    assert browser.run("window.ran") is None
    assert any("Content Security Policy" in one for one in browser.complaints)
