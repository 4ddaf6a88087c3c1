"""Set-up texts: filled in, for both shells, and quoted so that nothing but what is meant runs."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess

import pytest

from gateway.me.texts import YOUR_MODEL, clients

BASE = "https://gw.example.com"
MODELS = ["gpt-5.6", "claude-sonnet-5-5", "claude-opus-5-5"]


def texts(**given: object) -> dict[str, tuple[str, str]]:
    asked = {"base": BASE, "models": MODELS, "secret": "la_sk_a.b.c", **given}
    return {client.name: tuple(shell.text for shell in client.shells) for client in clients(**asked)}


def test_each_client_has_both_shells_with_address_and_secret() -> None:
    found = texts()
    assert list(found) == ["claude-code", "codex", "opencode", "openai", "anthropic", "curl"]
    for bash, power in found.values():
        for text in (bash, power):
            assert BASE in text and "la_sk_a.b.c" in text
        assert "$env:" in power or "Invoke-RestMethod" in power
        assert "$env:" not in bash


def test_models_are_those_that_may_be_used() -> None:
    found = texts()
    assert "gpt-5.6" in found["openai"][0] and "claude-sonnet-5-5" in found["curl"][0]
    assert "ANTHROPIC_MODEL" not in found["claude-code"][0]
    assert "ANTHROPIC_MODEL=llama" in texts(models=["llama"])["claude-code"][0]
    assert YOUR_MODEL in texts(models=[])["curl"][0]


def test_a_model_s_name_can_do_nothing_in_a_shell() -> None:
    evil = """x'; $(touch /tmp/pwned) `id` "'@"""
    for bash, power in texts(models=[evil]).values():
        assert "pwned" not in bash and "pwned" not in power


def test_what_is_exported_is_what_was_given() -> None:
    line = next(line for line in texts()["opencode"][0].splitlines() if line.startswith("export"))
    told = json.loads(shlex.split(line)[1].partition("=")[2])
    provider = told["provider"]["gateway"]
    assert provider["options"] == {"baseURL": f"{BASE}/v1", "apiKey": "la_sk_a.b.c"}
    assert told["model"] == "gateway/claude-sonnet-5-5" and list(provider["models"]) == ["claude-sonnet-5-5"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_reads_every_text() -> None:
    for name, (bash, _) in texts().items():
        done = subprocess.run(
            ["bash", "-n"], input=bash, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, (name, done.stderr)
