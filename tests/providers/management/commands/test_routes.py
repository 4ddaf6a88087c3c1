"""`manage.py routes …`: rows, and the chain that a call would take."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command

from providers import services
from tests.principals import SOMEBODY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]


def run(*arguments: str) -> tuple[str, str, int]:
    out, err, status = io.StringIO(), io.StringIO(), 0
    try:
        call_command("routes", *arguments, stdout=out, stderr=err)
    except SystemExit as exit_:
        status = int(exit_.code or 0)
    return out.getvalue(), err.getvalue(), status


def test_add_list_test_remove() -> None:
    services.upsert({"name": "p", "base_url": "http://p/v1", "responses": "translate"}, principal=SOMEBODY)
    out, _, status = run(
        "add", "--model", "claude-kimi", "--provider", "p", "--upstream-model", "kimi-k2",
        "--fallback", "anthropic:claude-sonnet-5-5", "--fallback", "p", "--display-name", "Kimi", "--hidden",
    )  # fmt: skip
    assert status == 0
    assert json.loads(out)["fallbacks"] == [
        {"provider": "anthropic", "model": "claude-sonnet-5-5"},
        {"provider": "p", "model": ""},
    ]
    head, row = run("list")[0].splitlines()
    assert head.split() == ["model", "provider", "upstream_model", "priority", "fallbacks"]
    assert row.split() == ["claude-kimi", "p", "kimi-k2", "100", "anthropic:claude-sonnet-5-5,", "p"]
    assert run("test", "claude-kimi")[0].splitlines() == [
        "1. p (openai-compatible, http://p/v1): kimi-k2 as openai_chat [route claude-kimi]",
        "2. anthropic (anthropic, https://api.anthropic.com): claude-sonnet-5-5 as anthropic [route claude-kimi]",
        "3. p (openai-compatible, http://p/v1): claude-kimi as openai_chat [route claude-kimi]",
    ]
    assert run("remove", "claude-kimi") == ("removed claude-kimi\n", "", 0)
    assert run("remove", "claude-kimi") == ("", "not found: claude-kimi\n", 2)


def test_a_name_that_nothing_serves_fails() -> None:
    out, err, status = run("test", "gtp-4o", "--surface", "chat_completions")
    assert (out, status) == ("", 1) and "`gtp-4o` does not exist" in err
    assert run("test", "m", "--provider", "nobody")[2] == 1
    assert run("add", "--model", "m", "--provider", "b ad")[2] == 1


def test_json() -> None:
    told = json.loads(run("test", "claude-x", "--json")[0])
    assert [step["reason"] for step in told["chain"]] in (["a name of Anthropic's"], ["the boot provider"])
    assert json.loads(run("list", "--json")[0]) == {"data": []}
