"""Real processes: what they are given, how they end, how many there are, and what is left of them: nothing."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from providers.cli.asking import Task
from providers.cli.command import CliOptions
from providers.cli.running import GRACE_SECONDS, Order
from providers.cli.transport import ORDER, CliTransport
from providers.upstream import Credential, CredentialKind

NOBODY = Credential(CredentialKind.NONE, "")
GOOD = """printf '%s\\n' '{"type":"result","subtype":"success","is_error":false,"result":"hi"}'"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Return what writes a shell script to stand in for the program; folders of runs are made in `folders`."""
    (tmp_path / "folders").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "folders"))

    def write(script: str) -> str:
        path = tmp_path / "claude"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    return write


def run(work: Callable[[CliTransport], Awaitable[None]], options: CliOptions) -> None:
    async def main() -> None:
        transport = CliTransport(options)
        try:
            await work(transport)
        finally:
            await transport.aclose()

    asyncio.run(main())
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def request(**task: object) -> httpx.Request:
    order = Order(Task(**{"model": "m", "prompt": "hello", **task}), NOBODY)  # type: ignore[arg-type]
    return httpx.Request("POST", "http://x.invalid/", extensions={ORDER: order})


async def ask(transport: CliTransport, **task: object) -> tuple[int, str]:
    response = await transport.handle_async_request(request(**task))
    body = b"".join([chunk async for chunk in response.stream])  # type: ignore[union-attr]
    await response.aclose()
    return response.status_code, body.decode()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until(is_so: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def test_what_a_run_is_given(program: Callable[[str], str], tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    script = f"""
    for last; do :; done
    {{ cat; echo; cat "$last"; echo; stat -c %a "$last"; ls -A | wc -l; env; ls /proc/self/fd | wc -l; }} > {seen}
    echo "$@" >> {seen}
    echo noise >&2
    {GOOD}"""

    async def work(transport: CliTransport) -> None:
        status, body = await ask(transport, system="be kind", prompt="canary-prompt")
        assert (status, json.loads(body)["content"]) == (200, [{"type": "text", "text": "hi"}])

    run(work, CliOptions(program(script), home="/login"))
    lines = seen.read_text().splitlines()
    assert lines[:4] == ["canary-prompt", "be kind", "600", "0"]
    assert "CLAUDE_CONFIG_DIR=/login" in lines
    assert "canary" not in "\n".join(lines[1:]) and "be kind" not in "\n".join(lines[2:])
    assert not [line for line in lines if line.startswith(("NODE_OPTIONS=", "DJANGO_", "PYTEST"))]


@pytest.mark.parametrize(
    ("script", "status", "words"),
    [
        ("exit 3", 502, "ended without an answer"),
        ("echo oops", 502, "not JSON"),
        ("yes '{}'", 502, "more than it may"),
        ("head -c 3000000 /dev/zero | tr '\\0' x; sleep 60", 502, "more than it may"),
        ("yes noise >&2 & sleep 0.2; " + GOOD, 200, "hi"),
        ("trap '' TERM; sleep 60", 504, "in time"),
        ("sleep 60 & exit 1", 502, "ended without an answer"),
    ],
)
def test_runs_that_go_wrong(program: Callable[[str], str], script: str, status: int, words: str) -> None:
    async def work(transport: CliTransport) -> None:
        for is_stream in (False, True):
            found, body = await ask(transport, is_stream=is_stream)
            assert (found, words in body) == (status, True), body

    seconds = 1.0 if status == 504 else 20.0
    run(work, CliOptions(program(script), output_bytes=1_000_000, timeout_seconds=seconds))


def test_a_program_that_is_not_there_and_is_mended(program: Callable[[str], str], tmp_path: Path) -> None:
    path = program(GOOD)
    os.chmod(path, stat.S_IRUSR)

    async def work(transport: CliTransport) -> None:
        for _ in range(5):  # no place is lost
            status, body = await ask(transport)
            assert (status, "command line" in body, str(tmp_path) in body) == (503, True, False)
        os.chmod(path, 0o755)
        assert (await ask(transport))[0] == 200

    run(work, CliOptions(path, max_processes=1))
    run(_is_missing, CliOptions(str(tmp_path / "nothing")))


async def _is_missing(transport: CliTransport) -> None:
    assert (await ask(transport))[0] == 503
    listing = await transport.handle_async_request(httpx.Request("GET", "http://x.invalid/"))
    assert listing.status_code == 503


def test_a_stream_that_breaks_ends_with_an_error(program: Callable[[str], str]) -> None:
    start = '{"type":"stream_event","event":{"type":"message_start","message":{}}}'

    async def work(transport: CliTransport) -> None:
        status, body = await ask(transport, is_stream=True)
        assert status == 200 and body.startswith("event: message_start")
        assert "event: error" in body and "message_stop" not in body

    run(work, CliOptions(program(f"echo '{start}'; kill -9 $$")))


@pytest.mark.parametrize("is_stream", [True, False])
def test_who_leaves_ends_the_whole_group(
    program: Callable[[str], str], tmp_path: Path, is_stream: bool
) -> None:
    pids = tmp_path / "pids"
    start = '{"type":"stream_event","event":{"type":"message_start","message":{}}}'
    script = f"trap '' TERM; sh -c \"trap '' TERM; sleep 61\" & echo $$ $! > {pids}; echo '{start}'; sleep 62"

    async def work(transport: CliTransport) -> None:
        call = asyncio.create_task(transport.handle_async_request(request(is_stream=is_stream)))
        await until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        if is_stream:
            response = await call
            await response.stream.aclose()  # type: ignore[union-attr]
        else:
            call.cancel()
        await until(lambda: not any(is_alive(int(pid)) for pid in pids.read_text().split()))
        assert GRACE_SECONDS <= 1  # prompt: a busy machine's clock would tell of others

    run(work, CliOptions(program(script)))


@pytest.mark.parametrize("is_stream", [True, False])
def test_who_leaves_while_it_starts_leaves_nothing(program: Callable[[str], str], is_stream: bool) -> None:
    async def work(transport: CliTransport) -> None:
        for _ in range(5):
            call = asyncio.create_task(transport.handle_async_request(request(is_stream=is_stream)))
            await until(lambda: any(Path(tempfile.gettempdir()).iterdir()))  # the folder of the next run
            call.cancel()
            await asyncio.wait({call})
            await until(lambda: not any(Path(tempfile.gettempdir()).iterdir()))
        call = asyncio.create_task(transport.handle_async_request(request(is_stream=is_stream)))
        await until(lambda: any(Path(tempfile.gettempdir()).iterdir()))
        call.cancel()  # and all is closed at once

    run(work, CliOptions(program("sleep 63"), max_processes=1))


def test_so_many_at_once_and_no_more(program: Callable[[str], str], tmp_path: Path) -> None:
    (tmp_path / "now").mkdir()
    count = f"touch {tmp_path}/now/$$; ls {tmp_path}/now | wc -l >> {tmp_path}/most; sleep 0.1; "

    async def work(transport: CliTransport) -> None:
        calls = [asyncio.create_task(ask(transport)) for _ in range(50)]
        for call in calls[40:]:
            call.cancel()
        assert [status for status, _ in await asyncio.gather(*calls[:40])] == [200] * 40

    run(work, CliOptions(program(f"{count}rm {tmp_path}/now/$$; {GOOD}"), max_processes=3))
    most = [int(line) for line in (tmp_path / "most").read_text().split()]
    assert max(most) == 3 and len(most) == 40


def test_who_waits_too_long_is_told_so(program: Callable[[str], str]) -> None:
    async def work(transport: CliTransport) -> None:
        statuses = sorted(
            [(await each)[0] for each in [asyncio.create_task(ask(transport)) for _ in range(2)]]
        )
        assert statuses in ([504, 529], [504, 504])

    run(work, CliOptions(program("sleep 30"), max_processes=1, timeout_seconds=0.5))
