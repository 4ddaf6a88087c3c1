"""A real Codex with a token of ours, on Anthropic and elsewhere: it runs a shell command and comes back."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.installs import codex
from tests.fakes import vendor as v

pytestmark = [pytest.mark.cli, pytest.mark.timeout(400)]

CONFIG = """
model = "{model}"
model_provider = "gateway"
check_for_update_on_startup = false

[model_providers.gateway]
name = "gateway"
base_url = "{url}/v1"
env_key = "GATEWAY_TOKEN"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""


@pytest.fixture(scope="module")
def program() -> Path:
    return codex()


def run(
    program: Path, home: Path, url: str, token: str, prompt: str, model: str = "claude-sonnet-5-5"
) -> str:
    """The last message of the agent. Its home is empty, and it talks to nobody but `url`."""
    codex_home, work = home / "codex", home / "work"
    for directory in (codex_home, work):
        directory.mkdir(parents=True, exist_ok=True)
    (codex_home / "config.toml").write_text(CONFIG.format(url=url, model=model))
    last = home / "last-message"
    flags = ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "--json", "-o", str(last)]
    done = subprocess.run(
        [str(program), "exec", *flags, prompt],
        cwd=work,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "CODEX_HOME": str(codex_home),
            "GATEWAY_TOKEN": token,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return last.read_text()


COMMAND = "RUN echo tool-ran-$((40+2)) | tee proof.txt"


def check(home: Path, output: str) -> None:
    assert (home / "work" / "proof.txt").read_text() == "tool-ran-42\n"
    assert output.startswith("The command said: ")
    assert "tool-ran-42" in output


def test_codex_runs_a_command_on_an_anthropic_upstream(gateway, program, vendor, tmp_path):
    check(tmp_path, run(program, tmp_path, gateway.url, gateway.token.secret, COMMAND))
    bodies = [json.loads(seen.body) for seen in vendor.seen if seen.path == b"/v1/messages"]
    assert len(bodies) == 2
    assert "tool-ran-42" in v.tool_result(bodies[1])
    for seen in vendor.seen:
        assert gateway.token.secret.encode() not in seen.raw_head + seen.body


def test_its_reasoning_comes_back_sealed_and_reaches_the_vendor_as_it_was(gateway, program, vendor, tmp_path):
    output = run(program, tmp_path, gateway.url, gateway.token.secret, "THINK RUN echo 42")
    assert output.startswith("The command said: ")
    first, second = (json.loads(seen.body) for seen in vendor.seen if seen.path == b"/v1/messages")
    assert first["thinking"]["type"] == "adaptive"
    blocks = next(turn["content"] for turn in reversed(second["messages"]) if turn["role"] == "assistant")
    assert [block["type"] for block in blocks] == ["thinking", "text", "tool_use"]
    assert (blocks[0]["thinking"], blocks[0]["signature"]) == ("Let me see…", v.SIGNATURE)


@pytest.mark.parametrize("model", ["gpt-5.6", "gpt-5.6-mini", "llama-4-70b"])
def test_codex_runs_a_command_on_an_openai_compatible_upstream(mixed, program, vendor, tmp_path, model):
    """Where Responses are native, where they are translated, and where they are found to be missing."""
    check(tmp_path, run(program, tmp_path, mixed.url, mixed.token.secret, COMMAND, model))
    assert vendor.seen == []


def test_a_refused_token_is_told_in_words(gateway, program, vendor, tmp_path):
    with pytest.raises(AssertionError, match="Invalid token"):
        run(program, tmp_path, gateway.url, "la_sk_no", "hello")
    assert vendor.seen == []
