"""A real Codex with a token of ours, on Anthropic and elsewhere: it runs a shell command and comes back."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from providers.translation.responses import compaction
from tests.e2e.installs import codex
from tests.fakes import vendor as v

pytestmark = [pytest.mark.interop, pytest.mark.timeout(400)]

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
    """Return the last message of the agent. Its home is empty, and it talks to nobody but `url`."""
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
        timeout=240,
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


# With the provider that is built in: over a WebSocket, with the remote compaction of its own vendor.

BUILT_IN = """
model = "{model}"
model_provider = "openai"
openai_base_url = "{url}/v1"
check_for_update_on_startup = false
"""
PATCH = """RUN apply_patch <<'EOF'
*** Begin Patch
*** Add File: patched.txt
+after the compaction
*** End Patch
EOF"""


def run_built_in(program: Path, home: Path, config: str, token: str, *arguments: str) -> str:
    """Return what Codex tells of its run, as lines of JSON."""
    codex_home, work = home / "codex", home / "work"
    for directory in (codex_home, work):
        directory.mkdir(parents=True, exist_ok=True)
    (codex_home / "config.toml").write_text(config)
    flags = ["--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "--json"]
    done = subprocess.run(
        [str(program), "exec", *flags, *arguments],
        cwd=work,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "CODEX_HOME": str(codex_home),
            "CODEX_API_KEY": token,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_its_own_provider_starts_at_once_over_a_websocket(gateway, program, vendor, tmp_path):
    token = gateway.issue("codex")
    config = BUILT_IN.format(url=gateway.url, model="claude-sonnet-5-5")
    run_built_in(program, tmp_path, config, token.secret, COMMAND)
    assert (tmp_path / "work" / "proof.txt").read_text() == "tool-ran-42\n"
    rows = gateway.exchanges(
        token, 3
    )  # no more: where a WebSocket fails, it tries some before it asks over HTTP
    assert [(row["surface"], row["status"], row["attempts"]) for row in rows] == [
        ("responses", 200, 0),  # the warm-up, which it asks for over a WebSocket alone
        ("responses", 200, 1),
        ("responses", 200, 1),
    ]
    warmed, first = (datetime.fromisoformat(row["started_at"]) for row in rows[:2])
    assert (first - warmed).total_seconds() < 3


@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "gpt-5.6-mini"])
def test_it_goes_through_a_compaction_and_applies_a_patch_afterwards(
    mixed, program, vendor, openai_vendor, tmp_path, model
):
    config = BUILT_IN.format(url=mixed.url, model=model)
    token = mixed.issue("compacting")
    limited = config + "model_auto_compact_token_limit = 200\n"
    run_built_in(program, tmp_path, limited, token.secret, COMMAND)
    assert (tmp_path / "work" / "proof.txt").exists()
    seen = (vendor if model.startswith("claude") else openai_vendor).seen
    bodies = [one.body.decode() for one in seen]
    summing = next(place for place, body in enumerate(bodies) if compaction.INSTRUCTION[:40] in body)
    assert compaction.SUMMARY.split("\n")[0] in bodies[summing + 1]

    run_built_in(program, tmp_path, config, token.secret, "resume", "--last", PATCH)
    assert (tmp_path / "work" / "patched.txt").read_text() == "after the compaction\n"
    assert compaction.SUMMARY.split("\n")[0] in seen[-1].body.decode()
