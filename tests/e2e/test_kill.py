"""kill -9: the promise of docs/operations.md. What ended a second before has its row, once; nothing is half written."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.calls import ASK, STREAM
from tests.fakes import vendor as v
from tests.fakes.server import Gate
from tests.harness import SERVERS, GatewayProcess, Token
from tests.rawhttp import RawClient

BOUND_SECONDS = 1.0
"""docs/operations.md, "Killed"."""
WRITING_SECONDS = 0.5
"""What one batch may take on a busy machine."""


def call_for(gateway: GatewayProcess, token: Token, seconds: float) -> dict[str, float]:
    """Calls one after the other, too few to fill a batch; id → when its answer was complete. Ends with the gateway."""
    ended: dict[str, float] = {}
    until = time.monotonic() + seconds
    with contextlib.suppress(OSError, EOFError):
        while time.monotonic() < until:
            answer = gateway.ask("POST", "/v1/messages", [token.bearer], ASK)
            assert answer.status == 200
            ended[str(answer.get("x-gateway-request-id"))] = time.monotonic()
            time.sleep(0.02)
    return ended


def limited(gateway: GatewayProcess) -> Token:
    answer = gateway.admin(
        "POST", "/api/tokens", {"label": "limited", "max_requests": 100_000, "budget": "100"}
    )
    return Token(answer.json()["token"], answer.json()["id"])


def killed(gateway: GatewayProcess, victims: Callable[[], list[int]]) -> float:
    """When: everything of it dies at once."""
    pids = victims()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    gateway.process.wait()
    return time.monotonic()


@pytest.mark.parametrize("server", SERVERS)
def test_what_ended_before_the_bound_has_its_row_once(
    template: Path, vendor, tmp_path: Path, server: str
) -> None:
    with GatewayProcess(template, tmp_path / "gateway", vendor.url, server) as gateway:
        token = limited(gateway)
        ended: dict[str, float] = {}
        caller = threading.Thread(target=lambda: ended.update(call_for(gateway, token, 60)))
        caller.start()
        time.sleep(3 * BOUND_SECONDS)  # the span that is looked at
        died = killed(gateway, gateway.processes)
        caller.join()
    assert len(ended) > 50
    kept = {id for id, at in ended.items() if at < died - BOUND_SECONDS - WRITING_SECONDS}
    assert len(kept) > 10
    with sqlite3.connect(gateway.data_dir / "data" / "router.sqlite3") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with GatewayProcess(gateway.data_dir, gateway.data_dir, vendor.url, server) as again:
        rows = again.exchanges(token, len(kept))
        ids = [str(uuid.UUID(row["id"])) for row in rows]
        assert len(ids) == len(set(ids))
        assert kept <= set(ids), (
            f"{len(kept - set(ids))} of {len(kept)} that ended before the bound have no row"
        )
        [daily] = again.rows(
            "SELECT sum(requests) AS n, sum(cost) AS cost FROM gateway_daily WHERE token_id = ?", token.id
        )
        assert daily["n"] == len(rows), "rows and sums are written together"
        usage = again.admin("GET", f"/api/tokens/{token.id}").json()["usage"]
        assert usage["requests"] == len(rows), "limits go on from the rows"


def test_a_running_stream_of_one_process_leaves_no_row_and_no_lock(
    template: Path, vendor, tmp_path: Path
) -> None:
    """As documented: only leases, which are in Redis, outlive the process."""
    gate = Gate()
    parts = v.events("m", v.text("hi"))
    with GatewayProcess(template, tmp_path / "gateway", vendor.url, "uvicorn") as gateway:
        token = limited(gateway)
        vendor.say(v.stream_answer([*parts[:3], gate, *parts[3:]]))
        with RawClient(gateway.port) as client:
            client.ask("POST", "/v1/messages", [token.bearer], STREAM)
            client.head()
            assert gate.reached.wait(10)
            killed(gateway, gateway.processes)
        gate.open()
    with GatewayProcess(gateway.data_dir, gateway.data_dir, vendor.url, "uvicorn") as again:
        assert again.rows("SELECT * FROM gateway_exchange WHERE token_id = ?", token.id) == []
        usage = again.admin("GET", f"/api/tokens/{token.id}").json()["usage"]
        assert (float(usage["budget"]["reserved"]), float(usage["budget"]["spent"])) == (0, 0)
        assert len(call_for(again, token, 0.2)) > 0
