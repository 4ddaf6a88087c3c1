"""Responses in the background over two workers: each finds, follows and cancels them; of a dead one they are failed."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.many.cluster import Host, Stores
from tests.e2e.test_background import PATIENCE_SECONDS, events_in, held, text_of
from tests.fakes.vendor import Vendor
from tests.rawhttp import RawClient

CREATE = {"model": "claude-sonnet-5-5", "input": "hi", "background": True}


class Worker:
    """Calls that one worker answers."""

    def __init__(self, host: Host, client: RawClient) -> None:
        self.host, self.client = host, client

    def ask(self, method: str, below: str = "", body: Any = None) -> Any:
        headers = [self.host.token.bearer, ("content-type", "application/json")]
        self.client.ask(
            method, f"/v1/responses{below}", headers, None if body is None else json.dumps(body).encode()
        )
        answer = self.client.response()
        assert answer.status == 200, answer
        return events_in(answer.body) if "stream=true" in below else answer.json()

    def until(self, name: str, *statuses: str) -> Any:
        deadline = time.monotonic() + 2 * PATIENCE_SECONDS
        while (found := self.ask("GET", f"/{name}"))["status"] not in statuses:
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        return found


@pytest.mark.timeout(400)
def test_each_worker_knows_it_and_a_dead_one_fails_it(stores: Stores, vendor: Vendor, tmp_path: Path) -> None:
    with Host(stores, tmp_path / "host", vendor.url) as host:
        host.token = host.issue("background")
        first, second = host.workers
        with host.connect_to(first) as one, host.connect_to(second) as two:
            here, there = Worker(host, one), Worker(host, two)
            gate = held(vendor, "from the other worker")
            name = here.ask("POST", body=CREATE)["id"]
            there.until(name, "in_progress")
            gate.open()
            assert text_of(there.until(name, "completed")) == "from the other worker"
            assert there.ask("GET", f"/{name}?stream=true") == here.ask("GET", f"/{name}?stream=true")
            items = there.ask("GET", f"/{name}/input_items")["data"]
            assert items[0]["content"][0]["text"] == "hi"

            held(vendor, "never")
            name = here.ask("POST", body=CREATE)["id"]
            there.until(name, "in_progress")
            assert there.ask("POST", f"/{name}/cancel")["status"] == "cancelled"
            vendor.seen[-1].wait_gone(PATIENCE_SECONDS)
            assert here.until(name, "cancelled")["id"] == name

            held(vendor, "never")
            name = here.ask("POST", body=CREATE)["id"]
            there.until(name, "in_progress")
            os.kill(first, signal.SIGKILL)
            found = there.until(name, "failed")
            assert "has ended before" in found["error"]["message"]
            assert there.ask("GET", f"/{name}?stream=true")[-1]["type"] == "response.failed"
