"""A disk that takes nothing more: calls are served, rows are lost and said to be, and it comes back by itself."""

from __future__ import annotations

import resource
import time

from tests.e2e.calls import ASK


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
