"""The main job: a real Claude Code, with a token of ours, runs a tool and comes back."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.installs import claude_code
from tests.fakes import vendor as v

pytestmark = [pytest.mark.interop, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def program() -> Path:
    return claude_code()


def run(program: Path, home: Path, base_url: str, token: str, *arguments: str, **more: str) -> str:
    """Return what it prints. Its home is empty, and it talks to nobody but `base_url`."""
    work = home / "work"
    work.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "ANTHROPIC_BASE_URL": base_url,
        "ANTHROPIC_AUTH_TOKEN": token,
        "ANTHROPIC_MODEL": "claude-sonnet-5-5",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_AUTOUPDATER": "1",
        **more,
    }
    done = subprocess.run(
        [str(program), *arguments],
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


COMMAND = "RUN echo tool-ran-$((40+2)) | tee proof.txt"


def check(home: Path, output: str) -> None:
    assert output.strip() == "The command said: tool-ran-42"
    assert (home / "work" / "proof.txt").read_text() == "tool-ran-42\n"


def test_the_vendor_itself_satisfies_claude_code(program, vendor, tmp_path):
    """Or the next test would judge the gateway by a wrong fake."""
    check(tmp_path, run(program, tmp_path, vendor.url, v.API_KEY, "-p", COMMAND, "--allowedTools", "Bash"))


def test_claude_code_runs_a_tool_through_the_gateway(entry_point, program, vendor, tmp_path):
    output = run(
        program, tmp_path, entry_point.url, entry_point.token.secret, "-p", COMMAND, "--allowedTools", "Bash"
    )
    check(tmp_path, output)
    calls = [seen for seen in vendor.seen if seen.path == b"/v1/messages"]
    assert len(calls) >= 2
    for seen in calls:
        assert seen.query == b"beta=true"
        assert seen.get("x-claude-code-session-id")
        assert b"claude-code-20250219" in b",".join(seen.all("anthropic-beta"))
        assert entry_point.token.secret.encode() not in seen.raw_head + seen.body
    bodies = [json.loads(seen.body) for seen in calls]
    assert all(isinstance(body["system"], list) for body in bodies)
    assert any(v.tool_result(body) == "tool-ran-42" for body in bodies)


def test_claude_code_streams_json_through_the_gateway(gateway, program, vendor, tmp_path):
    flags = ["--output-format", "stream-json", "--verbose", "--include-partial-messages"]
    lines = run(
        program, tmp_path, gateway.url, gateway.token.secret, "-p", "THINK hello", *flags
    ).splitlines()
    seen = [json.loads(line) for line in lines]
    assert seen[-1]["type"] == "result"
    assert seen[-1]["result"] == "You said: hello"
    assert seen[-1]["is_error"] is False
    assert seen[-1]["usage"]["cache_read_input_tokens"] == v.CACHE_READ_TOKENS
    assert any(line["type"] == "stream_event" for line in seen)


def test_claude_code_with_an_api_key_header(gateway, program, vendor, tmp_path):
    """`ANTHROPIC_API_KEY` travels as x-api-key; so does what a key helper prints."""
    more = {"ANTHROPIC_AUTH_TOKEN": "", "ANTHROPIC_API_KEY": gateway.token.secret}
    output = run(program, tmp_path, gateway.url, "", "-p", "hello", **more)
    assert output.strip() == "You said: hello"


def test_a_refused_token_is_told_in_words(gateway, program, vendor, tmp_path):
    token = gateway.issue("revoked")
    gateway.admin("POST", "/api/tokens/revoke", {"id": token.id})
    with pytest.raises(AssertionError, match="Token has been revoked"):
        run(program, tmp_path, gateway.url, token.secret, "-p", "hello", CLAUDE_CODE_MAX_RETRIES="0")
    assert vendor.seen == []


def cloud(mode: str, gateway) -> dict[str, str]:
    """Return the environment that points a cloud mode at a gateway which holds the credentials."""
    name = mode.upper()
    return {
        "ANTHROPIC_BASE_URL": "",
        "AWS_REGION": "us-east-1",
        "CLOUD_ML_REGION": "europe-west1",
        "ANTHROPIC_VERTEX_PROJECT_ID": "my-project",
        f"CLAUDE_CODE_USE_{name}": "1",
        f"CLAUDE_CODE_SKIP_{name}_AUTH": "1",
        f"ANTHROPIC_{name}_BASE_URL": gateway.url + ("/v1" if mode == "vertex" else ""),
    }


@pytest.mark.parametrize(
    ("mode", "model"),
    [("bedrock", "us.anthropic.claude-sonnet-4-6"), ("vertex", "claude-sonnet-4-6")],
    ids=["bedrock", "vertex"],
)
def test_a_cloud_mode_runs_a_tool(gateway, program, vendor, tmp_path, mode, model):
    more = {**cloud(mode, gateway), "ANTHROPIC_MODEL": model}
    flags = ["-p", COMMAND, "--allowedTools", "Bash"]
    token = gateway.issue(mode)
    check(tmp_path, run(program, tmp_path, "", token.secret, *flags, **more))
    assert {(row["surface"], row["is_stream"]) for row in gateway.exchanges(token, 2)} == {(mode, 1)}
    bodies = [json.loads(seen.body) for seen in vendor.seen if seen.path == b"/v1/messages"]
    assert {body["model"] for body in bodies} == {"claude-sonnet-4-6"}
    assert any(v.plain(v.tool_result(body) or "") == "tool-ran-42" for body in bodies)


@pytest.mark.parametrize("model", ["claude-proxy-gpt", "claude-proxy-llama"])
def test_claude_code_runs_a_tool_on_an_openai_compatible_upstream(mixed, program, vendor, tmp_path, model):
    more = {"ANTHROPIC_MODEL": model, "ANTHROPIC_DEFAULT_HAIKU_MODEL": model}
    flags = ["-p", COMMAND, "--allowedTools", "Bash"]
    check(tmp_path, run(program, tmp_path, mixed.url, mixed.token.secret, *flags, **more))
    assert vendor.seen == []


def test_its_thinking_survives_a_tool_round_on_an_openai_compatible_upstream(
    mixed, program, openai_vendor, tmp_path
):
    words = COMMAND.replace("RUN", "THINK RUN")
    flags = ["-p", words, "--allowedTools", "Bash"]
    output = run(program, tmp_path, mixed.url, mixed.token.secret, *flags, ANTHROPIC_MODEL="claude-proxy-gpt")
    check(tmp_path, output)
    bodies = [json.loads(seen.body) for seen in openai_vendor.seen if seen.path == b"/v1/chat/completions"]
    turns = [turn for body in bodies for turn in body["messages"] if turn["role"] == "assistant"]
    assert {turn.get("reasoning_content") for turn in turns} == {"Let me see…"}


@pytest.mark.parametrize(("mode", "model"), [("bedrock", "claude-proxy-gpt"), ("vertex", "claude-proxy-gpt")])
def test_a_cloud_mode_on_an_openai_compatible_upstream(mixed, program, vendor, tmp_path, mode, model):
    more = {**cloud(mode, mixed), "ANTHROPIC_MODEL": model, "ANTHROPIC_DEFAULT_HAIKU_MODEL": model}
    output = run(program, tmp_path, "", mixed.token.secret, "-p", "hello", **more)
    assert output.strip() == "You said: hello"
    assert vendor.seen == []
