"""A disk that takes nothing more: calls are served, rows are lost and said to be, and it comes back by itself."""

from __future__ import annotations

import os
import resource
import time

import pytest

from tests.e2e.calls import ASK
from tests.harness import SERVERS, GatewayProcess


def eventually(is_it, seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not is_it():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_calls_are_served_while_the_disk_is_full(start, vendor):
    gateway = start("uvicorn")
    pid = gateway.process.pid

    def usage() -> str:
        return gateway.ask("GET", "/health/ready").json()["usage"]

    assert gateway.messages(ASK).status == 200
    gateway.exchanges(gateway.token, 1)
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(
        pid, resource.RLIMIT_FSIZE, (0, hard)
    )  # no file may grow: neither the database nor a spool
    for _ in range(3):
        assert gateway.messages(ASK).status == 200
    eventually(lambda: usage() == "spooling")
    assert gateway.messages(ASK).status == 200
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    eventually(lambda: gateway.messages(ASK).status == 200 and usage() == "ok", 30)
    assert gateway.messages(ASK).status == 200
    eventually(lambda: len(gateway.exchanges(gateway.token)) >= 2)


@pytest.mark.parametrize("server", SERVERS)
def test_odd_and_damaged_files_do_not_keep_it_from_starting(template, vendor, tmp_path, server):
    """Pipes for credentials and settings, a broken store: told in a line each, no traceback, no hang."""
    home = tmp_path / "gateway"
    for name in ("claude", "more", "data"):
        (home / name).mkdir(parents=True)
    os.mkfifo(home / "claude" / ".credentials.json")
    (home / "more" / "credentials.json").symlink_to("/dev/zero")
    os.mkfifo(home / ".env")
    (home / ".lenv").write_bytes(b"ROUTER_PORT: 2\nX: \xff\n")
    line = b'{"id":"a","label":"\\ud83d","issued_at":1,"expires_at":2,"revoked":false}'
    (home / "data" / "tokens.bin").write_bytes(b"LARTOK01" + len(line).to_bytes(4, "little") + line)
    (home / "data" / "providers.lenv").write_text('PROVIDER: {"name": "p", "base_url": "http://\\ud83d"}\n')
    os.mkfifo(home / "data" / "usage-1.spool")
    settings = {"ADDITIONAL_ACCOUNT_DIRS": str(home / "more")}
    with GatewayProcess(template, home, vendor.url, server, settings) as gateway:
        gateway.token = gateway.issue()
        assert gateway.messages(ASK).status == 200
        eventually(lambda: "usage-1.spool" in gateway.log())
        log = gateway.log()
        for told in (
            ".env is left out: not a regular file",
            ".lenv is left out: line 2 is not UTF-8 text",
            "tokens.bin record 1: no Unicode text in `label`",
            "Provider file, line 1 left out: ",
            "usage-1.spool can't be opened: not a regular file",
        ):
            assert log.count(told) == 1, told
        assert "Traceback" not in log
        accounts = gateway.admin("GET", "/v1/accounts").json()["accounts"]
        assert sum("not a regular file" in str(account) for account in accounts) == 2
