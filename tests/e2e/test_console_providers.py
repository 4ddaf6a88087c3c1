"""A provider is added in a real browser: its models are ticked, its chain is reordered, and a call goes there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_console import click, log_in
from tests.fakes.browser import PROGRAM, Browser
from tests.fakes.openai_vendor import KEY, OpenAiVendor

pytestmark = [pytest.mark.browser, pytest.mark.skipif(PROGRAM is None, reason="no chromium")]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path / "browser") as browser:
        yield browser


def fill(browser: Browser, **values: str) -> None:
    for name, value in values.items():
        browser.run(f"document.querySelector('[name={name}]').value = '{value}'")


def chain(browser: Browser) -> list[str]:
    script = "[...document.querySelectorAll('[data-test=chain] b')].map(each => each.textContent)"
    return list(dict.fromkeys(browser.run(script)))


def test_a_provider_is_added_its_models_ticked_and_its_chain_reordered(start, browser: Browser) -> None:
    gateway = start("daphne")
    with OpenAiVendor() as vendor:
        vendor.models = ["gpt-5.1", "o4", "unwanted"]
        log_in(browser, gateway)
        click(browser, "nav-providers")
        click(browser, "add-provider")
        fill(browser, name="first", base_url=vendor.url, api_key=KEY)
        click(browser, "save")
        assert browser.run("location.pathname + location.hash") == "/console/providers/first/#models"
        found = "[...document.querySelectorAll('[data-test=models-found] input[name=models]')]"
        assert browser.run(f"{found}.map(each => each.value)") == vendor.models
        browser.run(f"{found}.slice(0, 2).forEach(each => each.click())")
        click(browser, "save-models")
        assert browser.run(f"{found}.filter(each => each.checked).map(each => each.value)") == [
            "gpt-5.1",
            "o4",
        ]
        click(browser, "tab-routes")
        fill(browser, model="team-*", provider="anthropic", upstream_model="claude-sonnet-4-5")
        click(browser, "save")
        browser.run("document.querySelector('[data-test=route] details').open = true")
        browser.run("document.querySelector('[data-test=route] [name=provider]').value = 'first'")
        browser.run("document.querySelector('[data-test=route] [name=upstream_model]').value = 'o4'")
        click(browser, "add-place")
        fill(browser, ask="team-1")
        click(browser, "ask")
        assert chain(browser) == ["anthropic", "first"]
        browser.send("document.querySelectorAll('[data-test=up]')[1].click()")
        assert chain(browser) == ["first", "anthropic"]
        asked = {"model": "team-1", "max_tokens": 16, "messages": [{"role": "user", "content": "hello"}]}
        assert gateway.messages(json.dumps(asked).encode()).status == 200
        assert vendor.last.get("authorization") == f"Bearer {KEY}".encode()
    assert browser.complaints == []
    assert browser.hosts == {f"127.0.0.1:{gateway.port}"}
