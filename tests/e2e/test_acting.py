"""Acting and being told, in a browser: a token handed over, a budget told of, a leak found, an account brought back."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Start
from tests.e2e.own_page import run
from tests.e2e.pooling import PoolVendor, accounts, credential
from tests.e2e.test_console import click, log_in
from tests.e2e.test_console_providers import chain, fill
from tests.fakes.browser import PROGRAM, Browser
from tests.fakes.mail import MailServer
from tests.fakes.openai_vendor import KEY, OpenAiVendor
from tests.gateway.alerts.making import Receiver, is_signed
from tests.harness import GatewayProcess
from tests.rawhttp import Response

pytestmark = [
    pytest.mark.timeout(300),  # the whole way through many pages
    pytest.mark.browser,
    pytest.mark.skipif(PROGRAM is None, reason="no chromium"),
]
ANN, BOB, PASSWORD = "ann@example.org", "bob@example.org", "a-pass-phrase-of-anns"
ANSWER = 34
"""Output tokens of each answer of the vendor, a cent each: five of them are 85 % of the budget, six too much."""
ASK = {"model": "claude-sonnet-5-5", "max_tokens": ANSWER, "messages": [{"role": "user", "content": "hi"}]}
DEADLINE = 60.0


def until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)
    return found


class Story:
    """A gateway, the browser of its admin, and who is told of what."""

    def __init__(self, gateway: GatewayProcess, browser: Browser, mail: MailServer, hook: Receiver) -> None:
        self.gateway, self.browser, self.mail, self.hook = gateway, browser, mail, hook

    def api(self, method: str, path: str, body: object = None) -> Any:
        answer = self.gateway.admin(method, path, body)
        assert answer.status < 300, (path, answer.status, answer.body)
        return answer.json()

    def call(self, secret: str, **more: object) -> Response:
        headers = [("authorization", f"Bearer {secret}"), ("content-type", "application/json")]
        headers.append(("anthropic-version", "2023-06-01"))
        return self.gateway.ask("POST", "/v1/messages", headers, json.dumps({**ASK, **more}).encode())

    def text(self, hook: str) -> str:
        return str(self.browser.run(f"document.querySelector('[data-test={hook}]').textContent"))

    def click(self, hook: str) -> None:
        click(self.browser, hook)

    def choose(self, **values: str) -> None:
        """Fill in the form of this page; channels are ticked."""
        for name, value in values.items():
            if name == "channels":
                script = (
                    "[...document.querySelectorAll('[name=channels]')].forEach(each => each.checked = true)"
                )
                self.browser.run(script)
            else:
                fill(self.browser, **{name: value})

    def channel(self, name: str, kind: str, target: str) -> None:
        self.click("nav-alerts")
        self.click("new-channel")
        self.choose(name=name, kind=kind, target=target)
        self.click("save")

    def rule(self, event: str, threshold: int) -> None:
        self.click("nav-alerts")
        self.click("new-rule")
        self.choose(event=event, threshold=str(threshold), channels="all")
        self.click("save")

    def told(self) -> list[tuple[str, int | None]]:
        return [(body["event"], body["threshold"]) for body in self.hook.bodies()]


@pytest.fixture
def story(start: Start, tmp_path: Path, pool_vendor: PoolVendor) -> Iterator[Story]:
    with MailServer() as mail, Receiver(500, 500) as hook, Browser(tmp_path / "browser") as browser:
        settings = {
            "EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8",
            "ALERT_RETRY_SECONDS": "0.2",
            "EMAIL_URL": mail.url,
            "EMAIL_FROM": "router@example.org",
        }
        gateway = start("daphne", settings, pool_vendor.url)
        made = Story(gateway, browser, mail, hook)
        free = {"input": "0", "cache_read": "0", "cache_write_5m": "0", "cache_write_1h": "0"}
        made.api(
            "POST",
            "/api/prices",
            {"model": "claude-sonnet-5-5", **free, "output": "10000", "currency": "USD"},
        )
        for person in (ANN, BOB):
            made.api("POST", "/api/people", {"email": person, "password": PASSWORD})
        log_in(browser, gateway)
        yield made
        assert browser.complaints == [] and browser.hosts == {f"127.0.0.1:{gateway.port}"}


def test_from_a_handed_over_token_to_a_leak(story: Story, tmp_path: Path) -> None:
    secret = handed_over(story, tmp_path)
    budget_is_told(story, secret)
    leaked(story, secret)
    her_own_page(story)


def handed_over(story: Story, tmp_path: Path) -> str:
    """Ann's token goes to her by a link that works once, and its set-up runs as it is printed."""
    asked = {
        "person": ANN,
        "label": "anns-laptop",
        "budget": "2.00",
        "budget_period": "month",
        "handover": True,
    }
    made = story.api("POST", "/api/tokens", asked)
    assert "token" not in made
    link = f"{story.gateway.url}/handover/{made['handover_url'].rpartition('/')[2]}"
    story.browser.open(link)
    story.click("handover-open")
    secret = story.text("secret")
    curl = story.browser.run("document.querySelector('[data-test=setup-curl] [data-shell=bash]').textContent")
    assert secret in curl and "You said" in run(curl, tmp_path)
    assert story.gateway.ask("GET", link.removeprefix(story.gateway.url)).status == 410
    story.browser.open(f"{story.gateway.url}/console/")
    return secret


def budget_is_told(story: Story, secret: str) -> None:
    """80 % are told by webhook, after two failures, and by mail, once; then the cap, and that is told as well."""
    story.channel("ops", "webhook", story.hook.url)
    signature = story.text("secret")
    story.channel("mail", "email", "ops@example.org")
    for percent in (80, 100):
        story.rule("budget", percent)
    assert [story.call(secret).status for _ in range(4)] == [200] * 4
    until(lambda: len(story.hook.seen) >= 3 and story.mail.mails)
    first = story.hook.bodies()
    assert all(is_signed(seen, signature) for seen in story.hook.seen)
    assert len({body["id"] for body in first}) == 1 and first[0]["details"]["percent"] == 85
    assert "anns-laptop" in story.mail.mails[0]["Subject"]
    assert story.call(secret).status == 429, "the cap"
    until(lambda: len(story.hook.seen) >= 4)
    assert story.call(secret).status == 429
    story.click("nav-alerts")
    log = story.browser.run("document.querySelectorAll('[data-test=alert]').length")
    assert log == 4 and story.told() == [("budget", 80)] * 3 + [("budget", 100)]
    assert len(story.mail.mails) == 2, "nothing is repeated"


def leaked(story: Story, secret: str) -> None:
    """Somebody found a secret: it is pasted, leads to its token, and is revoked."""
    story.click("nav-people")
    fill(story.browser, secret=secret)
    story.click("find-secret")
    assert "anns-laptop" in story.browser.run("document.body.textContent")
    story.click("revoke")
    assert "revoked" in story.text("found-token")
    until(lambda: story.call(secret).status in (401, 403))


def her_own_page(story: Story) -> None:
    """`/me/` shows a token's or a person's own, by pasting and by login, and nobody else's."""
    secrets = {
        person: story.api("POST", "/api/tokens", {"person": person, "label": f"desk-of-{person[:3]}"})[
            "token"
        ]
        for person in (ANN, BOB)
    }
    assert story.call(secrets[BOB]).status == 200
    story.browser.send("document.querySelector('.who button').click()")
    story.browser.open(f"{story.gateway.url}/me/")
    fill(story.browser, token=secrets[ANN])
    story.click("open")
    words = story.browser.run("document.body.textContent")
    assert "desk-of-ann" in words and "desk-of-bob" not in words and BOB not in words
    assert secrets[ANN] not in words
    story.click("leave")
    story.browser.open(f"{story.gateway.url}/login/?next=/me/")
    story.browser.run(f"id_username.value = '{ANN}'; id_password.value = '{PASSWORD}'")
    story.click("log-in")
    words = story.browser.run("document.body.textContent")
    assert (
        "desk-of-ann" in words
        and "Wait until the budget resets" in words
        and "desk-of-bob" not in words
        and BOB not in words
    )
    told = story.gateway.ask("GET", "/v1/me", [("authorization", f"Bearer {secrets[BOB]}")]).json()
    assert told["person"] == BOB and ANN not in json.dumps(told)


def test_an_account_is_brought_back_a_provider_added_and_a_fault_rehearsed(
    story: Story, tmp_path: Path
) -> None:
    account_is_brought_back(story, tmp_path)
    provider_is_added(story)
    fault_is_rehearsed(story)


def account_is_brought_back(story: Story, tmp_path: Path) -> None:
    """The page's own steps are followed: its command is run, with a login in place of the vendor's page."""
    home = tmp_path / "team login"
    story.api("POST", "/api/accounts", {"name": "team", "source": "directory", "location": str(home)})
    story.click("nav-accounts")
    assert accounts(story.gateway)["team"]["healthy"] is False
    card = "document.querySelector('[data-test=account][data-name=team] [data-test={}]')"
    story.browser.send(card.format("login") + ".parentElement.parentElement.querySelector('h3 a').click()")
    command = story.browser.run("document.querySelector('[data-test=steps] code').textContent")
    programs = tmp_path / "programs"
    programs.mkdir()
    pair = {"claudeAiOauth": {"accessToken": credential(1)}}
    there = '"$CLAUDE_CONFIG_DIR/.credentials.json"'
    script = f"mkdir -p \"$CLAUDE_CONFIG_DIR\"\ncat > {there} <<'END'\n{json.dumps(pair)}\nEND\n"
    (programs / "claude").write_text(f"#!/bin/sh\n{script}")
    (programs / "claude").chmod(0o755)
    subprocess.run(["sh", "-c", command], env={"PATH": f"{programs}:/usr/bin:/bin"}, check=True, timeout=240)
    until(lambda: accounts(story.gateway)["team"]["healthy"])
    story.click("nav-accounts")
    story.browser.send(card.format("test") + ".click()")
    assert "team" in story.text("told")


def provider_is_added(story: Story) -> None:
    """Its models are ticked, it goes first in a chain, and a call is tried there."""
    with OpenAiVendor() as vendor:
        vendor.models = ["gpt-5.1", "o4", "unwanted"]
        story.click("nav-providers")
        story.click("add-provider")
        fill(story.browser, name="first", base_url=vendor.url, api_key=KEY)
        story.click("save")
        found = "[...document.querySelectorAll('[data-test=models-found] input[name=models]')]"
        story.browser.run(f"{found}.slice(0, 2).forEach(each => each.click())")
        story.click("save-models")
        story.click("tab-routes")
        fill(story.browser, model="team-*", provider="anthropic", upstream_model="claude-sonnet-5-5")
        story.click("save")
        story.browser.run("document.querySelector('[data-test=route] details').open = true")
        for name, value in (("provider", "first"), ("upstream_model", "o4")):
            story.browser.run(f"document.querySelector('[data-test=route] [name={name}]').value = '{value}'")
        story.click("add-place")
        fill(story.browser, ask="team-1")
        story.click("ask")
        assert chain(story.browser) == ["anthropic", "first"]
        story.browser.send("document.querySelectorAll('[data-test=up]')[1].click()")
        assert chain(story.browser) == ["first", "anthropic"]
        assert story.call(story.gateway.token.secret, model="team-1").status == 200
        assert vendor.last.get("authorization") == f"Bearer {KEY}".encode()


def fault_is_rehearsed(story: Story) -> None:
    """A 429 of one account is met, the other one serves, and nothing of it stays in the pool."""
    before = {name: one["cooldowns"] for name, one in accounts(story.gateway).items()}
    story.click("nav-accounts")
    story.browser.send(
        "document.querySelector('[data-test=account][data-name=team] [data-test=rehearse]').click()"
    )
    story.choose(fault="429", calls="1", seconds="60")
    story.click("save")
    assert "team" in story.text("rehearsal")
    met = until(lambda: next((each for each in _calls(story) if each.get("x-rehearsal")), None))
    assert met.status == 200, "the other account served it"
    until(lambda: not story.api("GET", "/api/rehearsals")["data"])
    rows = until(lambda: [row for row in story.api("GET", "/api/requests")["data"] if row["is_rehearsal"]])
    tried = story.api("GET", f"/api/requests/{rows[0]['id']}")["tried"]
    assert len(rows) == 1 and [each["status"] for each in tried] == [429, 200]
    assert tried[0]["account"] == "team" != tried[1]["account"]
    until(lambda: {name: one["cooldowns"] for name, one in accounts(story.gateway).items()} == before)
    story.browser.open(f"{story.gateway.url}/console/")
    assert story.browser.run("document.querySelector('[data-test=rehearsal]')") is None
    assert not story.hook.seen


def _calls(story: Story) -> list[Response]:
    """Make two calls of conversations of their own: each keeps its account."""
    asked = [[{"role": "user", "content": f"conversation {uuid.uuid4()}"}] for _ in range(2)]
    return [story.call(story.gateway.token.secret, messages=each) for each in asked]
