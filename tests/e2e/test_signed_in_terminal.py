"""What a developer sees: Claude Code in a terminal, from `/login` to the notices about her budget and the cap."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.calls import ASK
from tests.e2e.installs import claude_code
from tests.e2e.signing_in import EMAIL, MODEL, PASSWORD, Client, asked, change, person, sign_ins
from tests.fakes.browser import PROGRAM as CHROMIUM
from tests.fakes.browser import Browser
from tests.fakes.terminal import PROGRAM, Terminal
from tests.fakes.vendor import Vendor
from tests.harness import GatewayProcess

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(400),
    pytest.mark.skipif(PROGRAM is None, reason="tmux is not installed"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium"),
]
CODE = re.compile(r"\b([A-Z]{4}-[A-Z]{4})\b")
CALLS = 240
"""So many that what one more holds is hardly a percent of what was spent."""


@pytest.fixture
def served(template: Path, tmp_path: Path, vendor: Vendor) -> Iterator[GatewayProcess]:
    with GatewayProcess(template, tmp_path / "gateway", vendor.url, "uvicorn") as gateway:
        free = dict.fromkeys(("input", "cache_read", "cache_write_5m", "cache_write_1h"), "0")
        assert gateway.admin("POST", "/api/prices", {"model": MODEL, "output": "100", **free}).status == 200
        assert gateway.admin("POST", "/api/groups", {"name": "dev"}).status == 200
        person(gateway, groups=["dev"], budget="1000", budget_period="month")
        env = {"CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1", "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1"}
        answer = gateway.admin("PUT", "/api/policies/dev", {"settings": {"env": env}})
        assert answer.status == 200
        yield gateway


@pytest.fixture
def terminal(tmp_path: Path, served: GatewayProcess) -> Iterator[tuple[Terminal, Client]]:
    client = Client(claude_code(), tmp_path / "home", served)
    client.skip_welcome()
    with Terminal(client.home, client.environment, [str(client.program)]) as terminal:
        yield terminal, client


def say(terminal: Terminal, words: str, *answer: str) -> str:
    terminal.type(words)
    terminal.wait(words)
    time.sleep(0.5)  # a key that comes with the words is taken for a part of what was pasted
    terminal.type("Enter")
    return terminal.wait(*answer)


def log_in(terminal: Terminal, approve: Callable[[str], None]) -> None:
    terminal.wait("Not logged in")
    say(terminal, "/login", "Enter to connect")
    terminal.type("Enter")
    terminal.wait("Yes, trust this gateway", timeout=60)
    terminal.choose("Yes, trust this gateway")
    found = CODE.search(terminal.wait("Waiting for sign-in"))
    assert found is not None
    approve(found[1])
    terminal.wait("Yes, continue", timeout=60)
    terminal.choose("Yes, continue")
    terminal.wait("Press Enter to continue")
    terminal.type("Enter")
    terminal.wait("Yes, I trust these settings", timeout=60)
    terminal.choose("Yes, I trust these settings")
    terminal.wait(
        "Auto mode lets Claude handle permission prompts automatically —", timeout=60
    )  # it begins anew


def in_chromium(browser: Browser, url: str, code: str) -> None:
    """Log in and approve as a person does: by clicks, after she has seen who asks."""
    browser.open(f"{url}/device?user_code={code}")
    assert browser.run("location.pathname") == "/login/"
    browser.run(f"id_username.value = '{EMAIL}'; id_password.value = '{PASSWORD}'")
    browser.send("document.querySelector('[data-test=log-in]').click()")
    assert browser.run("document.querySelector('[data-test=code]').textContent") == code
    assert browser.run("document.querySelector('[data-test=who]').textContent") == EMAIL
    browser.send("document.querySelector('[data-test=approve]').click()")
    assert "signed in there" in browser.run("document.querySelector('[data-test=outcome]').textContent")
    assert browser.complaints == []


def notice(terminal: Terminal, share: int) -> None:
    """Ask until the client says how much is used; other news has its place now and then."""
    for time_ in range(1, 5):
        say(terminal, f"call {time_} of {share}", f"You said: call {time_} of {share}")
        with contextlib.suppress(AssertionError):
            terminal.wait(f"used {share}% of", f"used {share + 1}% of", timeout=8)
            return
    raise AssertionError(f"no notice\n{terminal.screen()}")


def spend(served: GatewayProcess, client: Client) -> float:
    bearer = ("authorization", f"Bearer {client.kept['jwt']}")
    headers = [bearer, ("content-type", "application/json"), ("anthropic-version", "2023-06-01")]
    for _ in range(CALLS):
        assert served.ask("POST", "/v1/messages", headers, ASK).status == 200
    return spent(served)


def spent(served: GatewayProcess) -> float:
    return float(served.admin("GET", f"/api/people/{EMAIL}").json()["usage"]["budget"]["spent"])


def test_from_login_to_the_cap(
    terminal: tuple[Terminal, Client], served: GatewayProcess, vendor: Vendor, tmp_path: Path
) -> None:
    screen, client = terminal
    with Browser(tmp_path) as browser:
        log_in(screen, partial(in_chromium, browser, served.url))
    assert "Cloud gateway" in screen.screen()
    say(screen, "hello one", "You said: hello one")
    told = {name for seen in asked(vendor) for name, _ in seen.headers if name.startswith(b"x-claude")}
    assert told <= {b"x-claude-code-session-id", b"x-claude-code-agent-id"}
    used = spend(served, client)
    seen = say(screen, "/usage", "spent this month")
    assert f"${used:.2f} / $1,000.00 spent this month" in seen and "Resets" in seen
    screen.type("Escape")
    for share in (80, 96):
        change(served, budget=f"{spent(served) * 100 / share:.8f}")
        notice(screen, share)
    before = len(asked(vendor))
    change(served, budget="0.00001")
    assert "Your budget" in say(screen, "over it", "Your budget")
    assert len(asked(vendor)) == before
    say(screen, "/logout", "Successfully logged out", "logged out")
    assert sign_ins(served) == []
