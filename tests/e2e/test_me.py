"""A developer's own page over real sockets: her token pasted, tried, rotated, and each client set up as printed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.calls import ASK
from tests.e2e.installs import claude_code, codex
from tests.e2e.own_page import Visitor, run, texts
from tests.harness import Token, token_id


@pytest.mark.skipif(not all(map(shutil.which, ("bash", "curl"))), reason="needs bash and curl")
def test_a_token_is_pasted_tried_and_rotated_and_set_up_as_printed(
    gateway: Any, vendor: Any, tmp_path: Path
) -> None:
    token = gateway.issue("laptop")
    visitor = Visitor(gateway.url)
    page = visitor.paste(token.secret)
    assert page.url.path == "/me/" and "laptop" in page.text and "claude-sonnet-5-5" in page.text
    tried = visitor.send("/me/test", page, model="claude-sonnet-5-5")
    assert "claude-sonnet-5-5 answered in" in tried.text, tried.text
    (row,) = gateway.exchanges(token)
    assert (row["status"], row["surface"], row["token_label"]) == (200, "messages", "laptop")
    assert json.loads(vendor.seen[-1].body)["max_tokens"] == 16
    shown = visitor.send("/me/rotate", tried, now="1")
    printed = texts(shown)
    assert set(printed) == {"claude-code", "codex", "opencode", "openai", "anthropic", "curl"}
    assert "You said: Say hello" in run(printed["curl"], tmp_path)
    assert "You said: Say hello" in run(printed["anthropic"], tmp_path)
    assert "You said: Say hello" in run(printed["openai"], tmp_path)
    assert gateway.ask("POST", "/v1/messages", [token.bearer], ASK).status in (401, 403), (
        "the old one has ended"
    )
    assert visitor.open("/me/rotate").url.path == "/me/"


def test_what_a_token_knows_of_itself_is_no_call(gateway: Any) -> None:
    made = gateway.admin("POST", "/api/tokens", {"label": "own", "ttl_hours": 1, "max_requests": 1}).json()
    token = Token(made["token"], token_id(made["token"]))
    for _ in range(3):
        answer = gateway.ask("GET", "/v1/me", [token.bearer])
        assert answer.status == 200 and answer.json()["token"]["label"] == "own"
        assert answer.json()["usage"]["requests"] == 0 and answer.get("cache-control") == "no-store"
    assert gateway.ask("HEAD", "/v1/me", [token.bearer]).status == 200
    assert gateway.ask("GET", "/v1/me").status == 401
    headers = [token.bearer, ("anthropic-version", "2023-06-01"), ("content-type", "application/json")]
    assert gateway.ask("POST", "/v1/messages", headers, ASK).status == 200, "its one request is left"
    assert len(gateway.exchanges(token)) == 1


@pytest.mark.interop
@pytest.mark.timeout(400)
def test_claude_code_and_codex_run_as_printed(gateway: Any, vendor: Any, tmp_path: Path) -> None:
    programs = {
        "claude": f'CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 exec {claude_code()} -p "hello there" "$@"',
        "codex": f'exec {codex()} exec --skip-git-repo-check "$@" "hello there"',
    }
    visitor = Visitor(gateway.url)
    printed = texts(visitor.send("/me/rotate", visitor.paste(gateway.issue("tools").secret)))
    assert "You said: hello there" in run(printed["claude-code"], tmp_path, **programs)
    assert "You said:" in run(printed["codex"], tmp_path, **programs)
