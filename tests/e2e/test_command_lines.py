"""ROUTING_MODE=cli: a real Claude Code behind the gateway, and programs that behave badly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path

import pytest

from tests.e2e.command_lines import (
    LOGGED_OUT,
    MODEL,
    SAYS,
    SURFACES,
    Start,
    ask,
    call,
    is_alive,
    script,
    starting,
    until,
)
from tests.e2e.installs import claude_code
from tests.fakes.vendor import API_KEY, Vendor
from tests.harness import SERVERS, GatewayProcess
from tests.rawhttp import RawClient


@pytest.fixture
def start(template: Path, tmp_path: Path, vendor: Vendor) -> Iterator[Start]:
    with starting(template, tmp_path, vendor) as start:
        yield start


@pytest.fixture(params=SERVERS)
def real(request, shared: Callable[..., GatewayProcess], vendor) -> GatewayProcess:
    settings = {"ROUTING_MODE": "cli", "CLAUDE_CLI_BIN": str(claude_code()), "CLI_MAX_PROCESSES": "2"}
    return shared(request.param, settings)


@pytest.mark.interop
@pytest.mark.timeout(400)
def test_a_real_claude_code_serves_every_surface(real: GatewayProcess, vendor):
    for surface in SURFACES:
        for stream in (False, True):
            answer = ask(real, surface, stream=stream)
            assert answer.status == 200, answer
            if not stream:
                assert "You said: hello" in answer.body.decode(), answer
    asked = [json.loads(seen.body) for seen in vendor.seen if seen.path == b"/v1/messages"]
    assert len(asked) == 2 * len(SURFACES)
    assert {body["model"] for body in asked} == {MODEL}
    assert all(not body.get("tools") for body in asked)
    assert all(
        seen.get("x-api-key") in (API_KEY, API_KEY.encode())
        for seen in vendor.seen
        if seen.path == b"/v1/messages"
    )
    assert not [seen for seen in vendor.seen if real.token.secret.encode() in seen.raw_head + seen.body]


@pytest.mark.interop
@pytest.mark.timeout(400)
def test_a_real_one_carries_system_and_turns_and_reads_no_file(real: GatewayProcess, vendor, tmp_path: Path):
    secret = tmp_path / "secret.txt"
    secret.write_text("CANARY-of-the-machine")
    turns = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "second"},
        {"role": "user", "content": f"look at @{secret}"},
    ]
    assert ask(real, "messages", system="CANARY-system", messages=turns).status == 200
    assert ask(real, "messages", "/cost").json()["content"][0]["text"].endswith("/cost")
    bodies = [json.loads(seen.body) for seen in vendor.seen if seen.path == b"/v1/messages"]
    told = json.dumps(bodies[0])
    assert "CANARY-system" in told and told.index("first") < told.index("second") < told.index("look at")
    assert "CANARY-of-the-machine" not in json.dumps(bodies)
    assert bodies[0]["max_tokens"] == 99


def test_what_print_mode_can_t_carry_is_refused_by_name(start: Start, tmp_path: Path):
    ran = tmp_path / "ran"
    settings = {"ROUTING_MODE": "cli", "CLAUDE_CLI_BIN": script(tmp_path / "claude", f"touch {ran}; {SAYS}")}
    gateway = start("daphne", settings)
    for surface, field, value in (
        ("messages", "temperature", 0.5),
        ("messages", "stop_sequences", ["x"]),
        ("chat", "stop", ["x"]),
        ("chat", "n", 2),
        ("responses", "tools", [{"type": "function", "name": "f", "parameters": {}}]),
        ("bedrock", "top_k", 1),
        ("vertex", "tools", [{"name": "f", "input_schema": {"type": "object"}}]),
    ):
        answer = ask(gateway, surface, **{field: value})
        assert (answer.status, field in answer.body.decode()) == (400, True), answer
    path, body = call("messages", "hello")
    counted = gateway.ask("POST", path + "/count_tokens", gateway.call_headers(), body)
    assert counted.status == 200 and counted.json()["input_tokens"] > 0
    assert not ran.exists()


@pytest.mark.parametrize(
    ("lines", "status", "words"),
    [
        ("trap '' TERM; sleep 60", 504, "in time"),
        ("yes", 502, ""),
        ("tr '\\0' x < /dev/zero", 502, "more than it may"),
        ("echo /a/path req_011 >&2; exit 1", 502, "without an answer"),
        (LOGGED_OUT, 503, "log in"),
    ],
    ids=["hangs", "speaks no JSON", "floods", "dies", "logged out"],
)
def test_programs_that_behave_badly(start: Start, tmp_path: Path, lines: str, status: int, words: str):
    program = tmp_path / "claude"
    settings = {
        "ROUTING_MODE": "cli",
        "CLAUDE_CLI_BIN": script(program, lines),
        "CLI_TIMEOUT_SECONDS": "2" if status == 504 else "30",
        "CLI_OUTPUT_BYTES": "100000",
        "RETRY_ATTEMPTS": "1",
    }
    gateway = start("uvicorn", settings)
    for surface in SURFACES[:3]:
        answer = ask(gateway, surface, stream=surface == "chat")
        text = answer.body.decode()
        assert (answer.status, words in text) == (status, True), answer
        assert "/a/path" not in text and "req_011" not in text
    script(program, SAYS)
    assert "from the command line" in ask(gateway, "messages").body.decode()


def test_a_missing_program_is_told_by_call_and_doctor_and_serves_once_it_is_there(
    start: Start, tmp_path: Path
):
    program = tmp_path / "claude"
    gateway = start("daphne", {"ROUTING_MODE": "cli", "CLAUDE_CLI_BIN": str(program)})
    answer = ask(gateway, "messages")
    assert (answer.status, "command line" in answer.body.decode()) == (503, True)
    with pytest.raises(AssertionError, match=r"CLAUDE_CLI_BIN=.*missing or not executable"):
        gateway.manage("doctor")
    script(program, SAYS)
    assert ask(gateway, "messages").status == 200
    assert "claude-cli" in gateway.manage("doctor")


@pytest.mark.parametrize("server", SERVERS)
def test_who_leaves_ends_the_process_group(start: Start, tmp_path: Path, server: str):
    pids = tmp_path / "pids"
    hangs = f"trap '' TERM; sh -c \"trap '' TERM; sleep 61\" & echo $$ $! >> {pids}; sleep 62"
    settings = {"ROUTING_MODE": "cli", "CLAUDE_CLI_BIN": script(tmp_path / "claude", hangs)}
    gateway = start(server, {**settings, "DRAIN_SECONDS": "0"})

    def group() -> list[int]:
        return [int(pid) for pid in pids.read_text().split()] if pids.exists() else []

    for number, stream in enumerate((False, True), 1):
        with RawClient(gateway.port) as client:
            path, body = call("messages", "hello", stream=stream)
            client.ask("POST", path, gateway.call_headers(), body)
            until(lambda count=number: len(group()) == 2 * count)
        until(lambda: not any(map(is_alive, group())), 2.0)
    with RawClient(gateway.port) as client:
        client.ask("POST", path, gateway.call_headers(), body)
        until(lambda: len(group()) == 6)
        gateway.process.terminate()
        until(lambda: not any(map(is_alive, group())), 4.0)


def test_fifty_calls_at_once_hold_the_cap(start: Start, tmp_path: Path):
    # Times and not a count of files: a listing that is read in two parts shows who went beside who came.
    notes = f"date +'%s%N {{0:+d}}' >> {tmp_path}/times"
    program = script(tmp_path / "claude", f"{notes.format(1)}; sleep 0.05; {notes.format(-1)}; {SAYS}")
    gateway = start("daphne", {"ROUTING_MODE": "cli", "CLAUDE_CLI_BIN": program, "CLI_MAX_PROCESSES": "3"})
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda _: ask(gateway, "messages"), range(50)))
    assert [answer for answer in answers if answer.status != 200] == []
    times = sorted(tuple(map(int, line.split())) for line in (tmp_path / "times").read_text().splitlines())
    running = list(accumulate(step for _, step in times))
    assert len(times) == 100 and max(running) <= 3


def test_a_row_of_the_kind_serves_beside_the_direct_way(start: Start, tmp_path: Path, vendor):
    gateway = start("daphne", {"CLAUDE_CLI_BIN": script(tmp_path / "claude", SAYS)})
    row = {"name": "here", "kind": "claude-cli", "models": ["claude-here"]}
    added = gateway.admin("POST", "/api/providers", row)
    assert (added.status, added.json()["base_url"]) == (200, "")
    for field, value in (("base_url", "http://x"), ("options", {"mode": "x"})):
        refused = gateway.admin("POST", "/api/providers", {**row, field: value})
        assert (refused.status, field.rstrip("s") in refused.json()["error"]["message"]) == (400, True)
    answer = ask(gateway, "chat", model="claude-here")
    assert "from the command line" in answer.body.decode()
    assert not [name for name, _ in answer.headers if name.lower() == "x-gateway-served-by"]
    assert "You said" in ask(gateway, "chat").body.decode()
