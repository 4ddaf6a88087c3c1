"""`router clients`: prints, writes with a token of its own, takes back, and proves."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from gateway.config.options import ConfigurationError
from gateway.management.commands.clients import Command
from tests.ports import free_port
from tokens.models import Token

pytestmark = pytest.mark.django_db(transaction=True)
URL = "http://127.0.0.1:9"
SETUP = {
    "action": "setup",
    "write": False,
    "undo": False,
    "url": URL,
    "model": "",
    "token_stdin": False,
    "ttl_hours": 720,
    "as_json": False,
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME", "CLINE_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def run(**given: object) -> str:
    command = Command(stdout=io.StringIO(), stderr=io.StringIO())
    try:
        command.handle(**given)
    except SystemExit:
        return str(command.stdout.getvalue() + command.stderr.getvalue())
    return str(command.stdout.getvalue())


def setup(client: str, **given: object) -> str:
    return run(**{**SETUP, "client": client, **given})


def test_it_prints_and_writes_nothing(home: Path) -> None:
    document = json.loads(setup("claude-code"))
    assert document["env"] == {"ANTHROPIC_BASE_URL": URL, "ANTHROPIC_AUTH_TOKEN": "PUT-A-TOKEN-HERE"}
    told = json.loads(setup("codex", as_json=True))
    assert told["file"] == str(home / ".codex" / "config.toml") and 'model = "claude' in told["text"]
    assert list(home.iterdir()) == [] and not Token.objects.exists()


def test_it_writes_a_token_of_its_own_and_takes_the_file_back(home: Path) -> None:
    said = setup("qwen-code", write=True, model="gpt-5.6", ttl_hours=2)
    assert "router clients doctor qwen-code" in said
    token = Token.objects.get()
    assert token.label.startswith("qwen-code on ") and token.expires_at - token.issued_at == 7200
    document = json.loads((home / ".qwen" / "settings.json").read_text())
    assert document["env"]["LINK_ASSISTANT_TOKEN"].startswith("la_sk_")
    assert document["model"]["name"] == "gpt-5.6"
    assert "is as it was" in setup("qwen-code", undo=True)
    assert not (home / ".qwen" / "settings.json").exists()
    assert "nothing to undo" in setup("qwen-code", undo=True)


def test_a_given_token_is_taken_and_none_is_made(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("la_sk_given\n"))
    setup("aider", write=True, token_stdin=True)
    assert '"la_sk_given"' in (home / ".aider.conf.yml").read_text() and not Token.objects.exists()
    monkeypatch.setattr("sys.stdin", io.StringIO("two words\n"))
    assert "a token is one word" in setup("aider", token_stdin=True)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8080", "ftp://x", "http://", "http://x/other", "http://x?a=b", "http://[x"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    assert url in setup("codex", url=url)


@pytest.mark.parametrize("url", ["http://x:1/", "http://x:1/v1", "http://x:1/v1/"])
def test_an_address_is_taken_with_and_without_v1(url: str) -> None:
    assert 'base_url = "http://x:1/v1"' in setup("codex", url=url)


def test_a_file_that_cannot_be_read_costs_no_token(home: Path) -> None:
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text("model =")
    assert "config.toml" in setup("codex", write=True) and not Token.objects.exists()


def test_without_a_secret_no_token_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(options: object) -> None:
        raise ConfigurationError("TOKEN_SECRET is required")

    monkeypatch.setattr("gateway.config.reading.require_secret", refuse)
    assert "--token-stdin" in setup("codex", write=True) and not Token.objects.exists()


def test_doctor_goes_through_what_is_set_up(home: Path) -> None:
    def doctor(client: str | None = None) -> dict:
        return json.loads(run(action="doctor", client=client, run=False, as_json=True))

    assert "no client is set up" in run(action="doctor", client=None, run=False, as_json=False)
    assert doctor("codex")["ok"] is False
    setup("codex", write=True, url=f"http://127.0.0.1:{free_port()}")
    told = doctor()
    assert not told["ok"]
    assert [(one["label"], one["is_problem"]) for one in told["findings"]] == [
        ("codex", False),
        ("POST /v1/responses", True),
    ]
