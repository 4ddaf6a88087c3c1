"""The vendor's own clients and the gateway send the same to the same stand-in: URL, body, headers that matter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import cycle, islice, product
from typing import Any

import anthropic
import pytest

from tests.e2e.installs import HERE, NEWEST_SDK, newest_sdk
from tests.e2e.test_clouds import KINDS, SETTINGS
from tests.fakes.clouds import ACCESS_KEY, API_KEY, SECRET_KEY, Cloud
from tests.fakes.server import Seen
from tests.harness import GatewayProcess

Start = Callable[..., GatewayProcess]
CALLS = 50
"""Of each kind: 250 in all."""
MODELS = {
    "invoke": ("anthropic.claude-sonnet-4-5-20250929-v1:0", "eu.anthropic.claude-opus-4-6-v1"),
    "mantle": ("anthropic.claude-opus-4-6", "anthropic.claude-haiku-4-5"),
    "vertex": ("claude-sonnet-4-5@20250929", "claude-opus-4-6"),
    "foundry": ("claude-opus-4-6", "my-deployment"),
    "aws": ("claude-opus-4-6", "claude-haiku-4-5-20251001"),
}
TOOLS = [
    {"name": "look", "description": "Look ünder it", "input_schema": {"type": "object", "properties": {}}}
]
EXTRAS: tuple[dict[str, Any], ...] = (
    {},
    {"system": "Be brief."},
    {"system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]},
    {"tools": TOOLS, "tool_choice": {"type": "auto"}},
    {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048},
    {"stop_sequences": ["x"], "metadata": {"user_id": "u"}},
    {"extra_headers": {"anthropic-beta": "one-2025-01-01, two-2025-01-01"}},
    {
        "extra_body": {"context_management": {"edits": []}},
        "extra_headers": {"anthropic-beta": "c-2025-01-01"},
    },
)
MATTERING = ("content-type", "anthropic-version", "anthropic-workspace-id", "x-api-key")


def calls(way: str) -> Iterator[dict[str, Any]]:
    every = product(MODELS[way], (False, True), EXTRAS)
    for number, (model, stream, extra) in enumerate(islice(cycle(every), CALLS)):
        asked = [{"role": "user", "content": f"hello {number} é"}]
        yield {
            "model": model,
            "max_tokens": 64,
            "messages": asked,
            **({"stream": True} if stream else {}),
            **extra,
        }


def sent(path: str | None, **told: Any) -> str:
    """Send all calls of a kind by the SDK at `path`; return its version."""
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    if path is not None:
        environment["PYTHONPATH"] = path
    command = [sys.executable, str(HERE / "sdk" / "cloud_calls.py")]
    keys = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "api_key": API_KEY}
    done = subprocess.run(
        command,
        input=json.dumps({**told, **keys}),
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def shown(seen: Seen, way: str) -> dict[str, Any]:
    headers = {name: seen.get(name) for name in MATTERING if way != "invoke" or name == "content-type"}
    betas = (
        [] if way == "invoke" else sorted((seen.get("anthropic-beta") or b"").replace(b" ", b"").split(b","))
    )
    return {
        "target": seen.target.decode(),
        "body": normal(json.loads(seen.body)),
        "headers": headers,
        "betas": betas,
    }


def normal(body: dict[str, Any]) -> dict[str, Any]:
    """Names of betas without the blanks that a client splits them with."""
    if "anthropic_beta" in body:
        body["anthropic_beta"] = [beta.strip() for beta in body["anthropic_beta"]]
    return body


@pytest.mark.parametrize(
    "version", ["the environment's", pytest.param(NEWEST_SDK, marks=pytest.mark.interop)]
)
@pytest.mark.parametrize("way", MODELS)
def test_the_vendors_client_and_the_gateway_send_the_same(shared: Start, way: str, version: str) -> None:
    path = str(newest_sdk()) if version == NEWEST_SDK else None
    process = shared("uvicorn", SETTINGS)
    with Cloud() as cloud:
        base = f"{cloud.url}/anthropic" if way == "foundry" else cloud.url
        values = {"name": "cloud", "base_url": base, "models": list(MODELS[way]), **KINDS[way]}
        assert process.admin("POST", "/api/providers", values).status == 200
        places = {"cloud": base, "gateway": process.url, "token": process.token.secret}
        try:
            used = sent(path, way=way, calls=list(calls(way)), **places)
        finally:
            process.admin("DELETE", "/api/providers/cloud")
        assert used == (version if path else anthropic.__version__)
        assert not cloud.refused and len(cloud.seen) == 2 * CALLS
        for first, second in zip(cloud.seen[::2], cloud.seen[1::2], strict=True):
            assert shown(second, way) == shown(first, way)
