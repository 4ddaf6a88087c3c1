"""Gateways for the conformance list: one for equal settings, before one upstream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conformance.asking import MESSAGE, Make, answered, dumped
from tests.fakes.server import FakeServer
from tests.harness import GatewayProcess


@pytest.fixture(scope="package")
def upstream() -> Iterator[FakeServer]:
    with FakeServer(lambda seen: answered(dumped(MESSAGE))) as server:
        yield server


@pytest.fixture(scope="package")
def start(template: Path, upstream: FakeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Give `start(settings)`: a gateway with two accounts' folders, `k0` and `k1`; one for equal settings."""
    running: dict[str, GatewayProcess] = {}

    def make(**settings: str) -> GatewayProcess:
        key = json.dumps(settings, sort_keys=True)
        if key not in running:
            folder = tmp_path_factory.mktemp("conformance")
            given = {"ANTHROPIC_API_KEY": "", "LOG_LEVEL": "warning", **settings}
            process = GatewayProcess(template, folder, upstream.url, "uvicorn", given)
            for number, home in enumerate(("claude", "second")):
                (folder / home).mkdir(exist_ok=True)
                (folder / home / "credentials.json").write_text(f'{{"accessToken":"k{number}"}}')
            running[key] = process.start()
            process.token = process.issue("conformance")
        return running[key]

    yield make
    for process in running.values():
        process.stop()


@pytest.fixture
def gateway(start: Make, upstream: FakeServer) -> GatewayProcess:
    upstream.reset()
    made = start()
    made.clear_accounts()
    return made
