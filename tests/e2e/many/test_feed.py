"""The live feed where there are several workers: each shows the calls of all."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.e2e.calls import ASK
from tests.harness import ADMIN_KEY

SECONDS = 60.0


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_calls_of_all_workers_are_seen_at_each(stores: Any, launch: Any, server: str) -> None:
    host = launch(stores, server)
    url, headers = f"ws://127.0.0.1:{host.port}/ws/feed", {"Authorization": f"Bearer {ADMIN_KEY}"}
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(connect(url, sock=host.connect_to(pid).sock, additional_headers=headers))
            for pid in host.workers
        ]
        answers = host.on_every_worker(lambda client: host.messages_by(client, ASK, host.token))
        made = {answer.get("x-gateway-request-id") for answer in answers.values()}
        assert len(made) == len(sockets) == 2
        for socket in sockets:
            seen: set[str] = set()
            deadline = time.monotonic() + SECONDS
            while not made <= seen:
                told = json.loads(socket.recv(max(0.0, deadline - time.monotonic())))
                seen |= {row["id"] for row in told.get("data", ())}
