"""The pages of signing in, in a real browser under their policy: a login, a click, and the client is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.device_flow import EMAIL, PASSWORD, SIGNING, Client, add_person
from tests.fakes.browser import PROGRAM, Browser
from tests.fakes.issuer import Issuer
from tests.harness import GatewayProcess

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(PROGRAM is None, reason="no chromium"),
]
NOTICE = "For work only. Questions: it@example.org"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path / "browser") as browser:
        yield browser


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as one:
        yield one


def shown(browser: Browser, name: str) -> str:
    return str(browser.run(f"document.querySelector('[data-test={name}]').textContent"))


def click(browser: Browser, name: str) -> None:
    browser.send(f"document.querySelector('[data-test={name}]').click()")


def log_in(browser: Browser) -> None:
    browser.run(f"id_username.value = '{EMAIL}'; id_password.value = '{PASSWORD}'")
    click(browser, "log-in")


def test_a_click_lets_a_client_in(
    start: Callable[..., GatewayProcess], browser: Browser, tmp_path: Path
) -> None:
    gateway = start("daphne", {**SIGNING, "LOGIN_NOTICE": NOTICE})
    add_person(gateway)
    client = Client(gateway.url)
    user_code = client.begin()
    browser.open(client.code["verification_uri_complete"])
    assert browser.run("location.pathname") == "/login/"
    browser.picture(tmp_path / "login.png")
    log_in(browser)
    assert browser.run("location.pathname + location.search") == f"/device?user_code={user_code}"
    assert (shown(browser, "code"), shown(browser, "who"), shown(browser, "notice")) == (
        user_code,
        EMAIL,
        NOTICE,
    )
    assert shown(browser, "client") == "claude-code/2.1.332"
    browser.picture(tmp_path / "device.png")
    assert client.poll().json()["error"] == "authorization_pending"
    click(browser, "approve")
    assert "You are signed in there" in shown(browser, "outcome")
    browser.picture(tmp_path / "done.png")
    assert client.poll().status_code == 200 and client.messages().status_code == 200
    refused = Client(gateway.url)
    browser.open(f"{gateway.url}/device")
    assert f'"forceLoginGatewayUrl": "{gateway.url}"' in shown(browser, "settings")
    browser.picture(tmp_path / "without-a-code.png")
    browser.run(f"id_user_code.value = ' {refused.begin().lower().replace('-', ' ')} '")
    click(browser, "continue")
    click(browser, "deny")
    assert "Refused" in shown(browser, "outcome")
    assert refused.poll().json()["error"] == "access_denied"
    click(browser, "log-out")
    assert browser.run("location.pathname") == "/login/"
    assert not browser.complaints and browser.hosts == {f"127.0.0.1:{gateway.port}"}


def test_a_login_at_the_issuer_and_back(
    start: Callable[..., GatewayProcess], browser: Browser, issuer: Issuer
) -> None:
    issuer.gives_refresh_tokens = True
    gateway = start("uvicorn", {**SIGNING, **issuer.settings()})
    client = Client(gateway.url)
    user_code = client.begin()
    browser.open(client.code["verification_uri_complete"])
    click(browser, "issuer")
    assert browser.run("location.pathname + location.search") == f"/device?user_code={user_code}"
    click(browser, "approve")
    assert client.poll().json()["email"] == EMAIL and not issuer.mistakes
    second, logins = Client(gateway.url), issuer.requests.count("/authorize")
    browser.open(f"{gateway.url}/device?user_code={second.begin()}")  # it goes by the issuer once more
    assert issuer.requests.count("/authorize") == logins + 1
    click(browser, "approve")
    assert second.poll().status_code == 200
    assert not browser.complaints
