"""The Anthropic Python SDK, the environment's, the newest and the last 0.x, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

from tests.e2e.installs import HERE, NEWEST_SDK, newest_sdk, old_sdk
from tests.fakes import vendor as v


def sessions(header: str, path: str | None, *places: tuple[str, str]) -> list[dict]:
    """Return what one process of the SDK made of each place, an address and a token."""
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    if path:
        environment["PYTHONPATH"] = path
    command = [sys.executable, str(HERE / "sdk" / "session.py"), header, *chain.from_iterable(places)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(seen: dict) -> None:
    assert seen["whole"] == {"text": "You said: hi é", "usage": v.OUTPUT_TOKENS, "stop": "end_turn"}
    assert seen["streamed"]["text"] == "You said: hi é 😀"
    assert seen["streamed"]["pieces"] > 1
    assert seen["streamed"]["usage"] == v.CACHE_READ_TOKENS
    assert seen["thinking"] == {"types": ["thinking", "text"], "signature": v.SIGNATURE}
    assert seen["tool_round"] == {"command": "echo 42", "stop": "tool_use", "text": "The command said: 42"}
    assert seen["counted"] > 0
    assert v.MODELS[0] in seen["models"]
    assert seen["one_model"]
    assert seen["refusal"] == {"type": "invalid_request_error", "request_id": v.REQUEST_ID}
    assert "Overloaded" in seen["overloaded"]


PATHS: dict[str, Callable[[], Path]] = {"0.125.0": old_sdk, NEWEST_SDK: newest_sdk}
"""Of SDKs beside the environment's own."""


@pytest.fixture(
    params=["the environment's", *(pytest.param(name, marks=pytest.mark.interop) for name in PATHS)]
)
def version(request) -> tuple[str, str | None]:
    path = PATHS.get(request.param)
    return request.param, None if path is None else str(path())


def test_the_vendor_itself_satisfies_the_sdk(vendor, version):
    """Or the next test would judge the gateway by a wrong fake."""
    [seen] = sessions("x-api-key", version[1], (vendor.url, v.API_KEY))
    check(seen)


@pytest.mark.parametrize("header", ["bearer", "x-api-key"])
def test_the_sdk_through_the_gateway(every_entry_point, vendor, version, header):
    name, path = version
    places = [(gateway.url, gateway.token.secret) for gateway in every_entry_point]
    all_seen = sessions(header, path, *places)
    assert len(all_seen) == len(places)
    for seen in all_seen:
        assert seen["version"] == name or name not in PATHS
        check(seen)
        assert seen["bad_token"].startswith("Invalid token")
    for request in vendor.seen:
        for _, secret in places:
            assert secret.encode() not in request.raw_head + request.body
        assert request.get("user-agent").startswith(b"Anthropic/Python " + all_seen[0]["version"].encode())
