"""ROUTING_MODE=hybrid: accounts first, the command line when none can serve, and a header that says which."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command_lines import MODEL, SAYS, SURFACES, Start, ask, script, starting
from tests.fakes.vendor import Vendor
from tests.harness import SERVERS, GatewayProcess
from tests.rawhttp import Response


@pytest.fixture
def start(template: Path, tmp_path: Path, vendor: Vendor) -> Iterator[Start]:
    with starting(template, tmp_path, vendor) as start:
        yield start


def served_by(answer: Response) -> list[str]:
    return [value for name, value in answer.headers if name.lower() == "x-gateway-served-by"]


@pytest.mark.parametrize("server", SERVERS)
def test_accounts_out_and_back_again(start: Start, tmp_path: Path, vendor, server: str):
    settings = {"ROUTING_MODE": "hybrid", "CLAUDE_CLI_BIN": script(tmp_path / "claude", SAYS)}
    gateway = start(server, {**settings, "ACCOUNT_COOLDOWN_SECONDS": "600"})
    for surface in SURFACES:
        answer = ask(gateway, surface)
        assert (answer.status, served_by(answer)) == (200, ["direct"])
    for text in ("ERROR 403", "on cooldown by now"):
        for surface in SURFACES:
            for stream in (False, True):
                answer = ask(gateway, surface, text, stream=stream)
                assert (answer.status, served_by(answer)) == (200, ["cli"]), answer
                if surface != "bedrock" or not stream:
                    assert "from the command line" in answer.body.decode(), answer
    gateway.clear_accounts()
    answer = ask(gateway, "messages")
    assert (served_by(answer), "You said" in answer.body.decode()) == (["direct"], True)


def test_a_400_does_not_wander_and_what_the_program_can_t_carry_is_told_by_the_accounts(
    start: Start, tmp_path: Path, vendor
):
    program = tmp_path / "claude"
    settings = {"ROUTING_MODE": "hybrid", "CLAUDE_CLI_BIN": script(program, SAYS)}
    gateway = start("daphne", {**settings, "ACCOUNT_COOLDOWN_SECONDS": "600"})
    answer = ask(gateway, "messages", "ERROR 400")
    assert (answer.status, served_by(answer)) == (400, ["direct"])
    refused = ask(gateway, "messages", "ERROR 401", stop_sequences=["x"])
    assert (refused.status, served_by(refused)) == (401, ["direct"])
    gateway.clear_accounts()
    script(program, "exit 1")
    failed = ask(gateway, "messages", "ERROR 403")
    assert (failed.status, served_by(failed)) == (403, ["direct"])
    assert "as the vendor words it" in failed.body.decode()
    cooled = ask(gateway, "chat", "on cooldown")
    assert (cooled.status, served_by(cooled)) == (429, ["direct"])
    row = gateway.exchanges(gateway.token, 4)[-1]
    assert (row["provider"] != "claude-cli", row["status"]) == (True, 429)


def test_without_any_account_and_by_a_route(start: Start, tmp_path: Path, vendor):
    settings = {"ROUTING_MODE": "hybrid", "CLAUDE_CLI_BIN": script(tmp_path / "claude", SAYS)}
    gateway = start("uvicorn", {**settings, "ANTHROPIC_API_KEY": ""})
    assert served_by(ask(gateway, "responses")) == ["cli"]
    assert gateway.admin("POST", "/api/routes", {"model": "claude-r", "provider": "claude-cli"}).status == 200
    answer = ask(gateway, "chat", model="claude-r")
    assert (answer.status, served_by(answer)) == (200, ["cli"])
    assert vendor.seen == []


def test_the_header_is_of_this_mode_alone(gateway: GatewayProcess, vendor):
    assert served_by(ask(gateway, "messages", model=MODEL)) == []
