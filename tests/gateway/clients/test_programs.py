"""Each program: its file, what is written into it, and that the same is found in it."""

from __future__ import annotations

import pytest

from gateway.clients.programs import CLIENTS, LABEL, Client, Wanted

HOME = {"HOME": "/home/ada"}
EACH = pytest.mark.parametrize("client", CLIENTS.values(), ids=lambda client: client.name)


@EACH
@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "gpt-5.6"])
def test_what_is_written_is_found(client: Client, model: str) -> None:
    wanted = Wanted("http://127.0.0.1:8080", "la_sk_x", model)
    text = client.form.put("", client.entries(wanted))
    assert client.found(client.form.read(text)) == wanted


@EACH
def test_a_file_without_a_gateway_has_none(client: Client) -> None:
    assert client.found({}) is None
    assert client.found({"model": "x", "env": {}, "providers": {}, "provider": {}}) is None


@pytest.mark.parametrize(
    ("name", "more", "file"),
    [
        ("claude-code", {}, "/home/ada/.claude/settings.json"),
        ("claude-code", {"CLAUDE_CONFIG_DIR": "/c"}, "/c/settings.json"),
        ("codex", {}, "/home/ada/.codex/config.toml"),
        ("codex", {"CODEX_HOME": "/c"}, "/c/config.toml"),
        ("opencode", {"XDG_CONFIG_HOME": "/c"}, "/c/opencode/opencode.json"),
        ("opencode", {}, "/home/ada/.config/opencode/opencode.json"),
        ("aider", {}, "/home/ada/.aider.conf.yml"),
        ("cline", {}, "/home/ada/.cline/data/settings/providers.json"),
        ("qwen-code", {}, "/home/ada/.qwen/settings.json"),
    ],
)
def test_where_each_keeps_it(name: str, more: dict[str, str], file: str) -> None:
    assert str(CLIENTS[name].file(HOME | more)) == file


def test_codex_does_not_take_the_gateway_for_its_own_vendor() -> None:
    written = CLIENTS["codex"].form.put("", CLIENTS["codex"].entries(Wanted("http://x", "t", "m")))
    assert f'name = "{LABEL}"' in written and "OpenAI" not in written


def test_claude_code_keeps_its_own_choice_of_a_model() -> None:
    entries = CLIENTS["claude-code"].entries(Wanted("http://x", "t", ""))
    assert [path[-1] for path in entries] == ["ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN"]


def test_opencode_speaks_messages_for_claude_alone() -> None:
    assert CLIENTS["opencode"].surface("claude-sonnet-5-5") == "messages"
    assert CLIENTS["opencode"].surface("gpt-5.6") == "chat_completions"
