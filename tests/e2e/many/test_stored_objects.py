"""Sixty objects of three accounts on four workers: found by their token everywhere, by another nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.e2e.many.cluster import Host, Stores
from tests.e2e.pooling import credential, write_pair
from tests.e2e.test_stored_objects import CODE, MODEL, REQUESTS, message_with
from tests.fakes.storing_vendor import StoringVendor
from tests.harness import Token
from tests.rawhttp import RawClient

EACH = 20


@pytest.fixture
def vendor() -> Iterator[StoringVendor]:
    with StoringVendor() as made:
        yield made


def calls_for(batches: list[str], files: list[str], containers: list[str]) -> list[tuple[str, str, Any]]:
    """Return a call for each object that only its owner may make."""
    runs = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "on"}], "tools": [CODE]}
    return [
        *(("GET", f"/v1/messages/batches/{name}", None) for name in batches),
        *(("POST", "/v1/messages", message_with(name)) for name in files),
        *(("POST", "/v1/messages", {**runs, "container": name}) for name in containers),
    ]


def found_by(client: RawClient, token: Token, calls: list[tuple[str, str, Any]]) -> int:
    """Return how many of the calls find their object."""
    found = 0
    for method, path, body in calls:
        headers = [token.bearer, ("anthropic-version", "2023-06-01"), ("content-type", "application/json")]
        client.ask(method, path, headers, None if body is None else json.dumps(body).encode())
        answer = client.response()
        assert answer.status in (200, 404), answer
        found += answer.status == 200
    return found


@pytest.mark.timeout(400)
def test_sixty_of_sixty_on_every_worker_and_after_a_restart(
    stores: Stores, vendor: StoringVendor, tmp_path: Path
) -> None:
    homes = [tmp_path / f"home{number}" for number in range(3)]
    for number, home in enumerate(homes):
        write_pair(home, credential(number))
    settings = {"WORKERS": "4", "ANTHROPIC_API_KEY": "", "ADDITIONAL_ACCOUNT_DIRS": ",".join(map(str, homes))}
    with Host(stores, tmp_path / "host", vendor.url, settings=settings) as host:
        mine, other = host.issue("mine"), host.issue("other")
        sdk = anthropic.Anthropic(base_url=host.url, api_key=mine.secret, max_retries=0)
        batches = [sdk.messages.batches.create(requests=REQUESTS).id for _ in range(EACH)]
        files = [sdk.beta.files.upload(file=("a.txt", b"abc", "text/plain")).id for _ in range(EACH)]
        containers = []
        for number in range(EACH):
            asked = [{"role": "user", "content": f"run {number}"}]
            made = sdk.messages.create(model=MODEL, max_tokens=9, messages=asked, tools=[CODE])
            containers.append(made.container.id)
        calls = calls_for(batches, files, containers)
        assert len({vendor.holders[name] for name in (*batches, *files, *containers)}) == 3
        for pid in host.workers:
            with host.connect_to(pid) as client:
                assert (found_by(client, mine, calls), found_by(client, other, calls)) == (60, 0)
        assert sorted(one.id for one in sdk.messages.batches.list(limit=7)) == sorted(batches)
    with Host(stores, tmp_path / "host", vendor.url, settings=settings) as host:
        for pid in host.workers:
            with host.connect_to(pid) as client:
                assert (found_by(client, mine, calls), found_by(client, other, calls)) == (60, 0)
