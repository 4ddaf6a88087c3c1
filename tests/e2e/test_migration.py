"""The walk of docs/migrating.md: a data directory that the Rust router wrote, served by ours, and the way back.

`rust_installation` was written by the real router, whose every command read and wrote its files again: labels are
damaged as it damages them. Where that router is there (`make compat` builds it) it reads at the end what we left.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.compat import reference
from tests.e2e.calls import ASK
from tests.fakes.server import Answer, FakeServer
from tests.harness import ADMIN_KEY, GatewayProcess, token_id
from tests.ports import free_port
from tests.rawhttp import ask
from tokens.files import binary, lino

HERE = Path(__file__).parent / "rust_installation"
MANIFEST: dict[str, Any] = json.loads((HERE / "manifest.json").read_text())
SETTINGS = {"TOKEN_SECRET": MANIFEST["token_secret"], "ANTHROPIC_API_KEY": ""}
GOOD = Answer(200, [("content-type", "application/json")], [b'{"type":"message"}'])


@pytest.fixture
def upstream() -> Iterator[FakeServer]:
    with FakeServer(lambda seen: GOOD) as server:
        yield server


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """Give a home as the Rust router leaves it: its data, the login of Claude Code, and no database."""
    shutil.copytree(HERE / "data", tmp_path / "data")
    (tmp_path / "claude").mkdir()
    (tmp_path / "claude" / "credentials.json").write_text('{"accessToken":"sk-ant-oat01-x"}')
    return tmp_path


def called(port: int, secret: str) -> int:
    headers = [("authorization", f"Bearer {secret}"), ("content-type", "application/json")]
    return ask(port, "POST", "/v1/messages", headers, ASK).status


def by_label(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {record["label"]: record for record in found}


def test_there_and_back(installation: Path, upstream: FakeServer) -> None:
    with GatewayProcess(installation, installation, upstream.url, "uvicorn", SETTINGS) as gateway:
        _is_adopted(gateway)
        issued = gateway.admin("POST", "/api/tokens", {"label": "since then é"}).json()["token"]
        old = next(token for token in MANIFEST["tokens"] if token["label"] == "claude code")
        assert gateway.admin("POST", "/api/tokens/revoke", {"id": old["id"]}).status == 200
        assert gateway.admin("DELETE", "/api/providers/by-variable").status == 200
        assert (called(gateway.port, issued), called(gateway.port, old["secret"])) == (200, 403)
    _is_left_behind(installation / "data", token_id(issued), old["id"])
    real = reference.cache() / "bin" / reference.CRATE
    if real.is_file():
        with rust_router(real, installation, upstream.url) as port:
            bound = next(token for token in MANIFEST["tokens"] if token["label"] == "bound")
            assert [called(port, one) for one in (issued, old["secret"], bound["secret"])] == [200, 403, 200]
            admin = [("authorization", f"Bearer {ADMIN_KEY}")]
            names = [one["name"] for one in ask(port, "GET", "/api/providers", admin).json()["data"]]
            assert names == ["litellm"]


def _is_adopted(gateway: GatewayProcess) -> None:
    """Check that tokens work or stay revoked, with their labels mended, and providers are there with their keys."""
    listed = by_label(gateway.admin("GET", "/api/tokens/list").json()["data"])
    assert set(listed) == {token["label"] for token in MANIFEST["tokens"]}
    for token in MANIFEST["tokens"]:
        record = listed[token["label"]]
        assert (record["id"], record["account"]) == (token["id"], token["account"])
        if token["account"] is None:
            assert called(gateway.port, token["secret"]) == (403 if token["revoked"] else 200)
    providers = gateway.admin("GET", "/api/providers").json()["data"]
    assert [(one["name"], one["has_encrypted_api_key"]) for one in providers] == [
        ("by-variable", False),
        ("litellm", True),
    ]
    assert providers[1]["models"] == ["claude-sonnet", "gpt-4o"]


def _is_left_behind(data: Path, issued: str, revoked: str) -> None:
    """Check that both files hold every token as it stands now, and the provider's key in the form of before."""
    text = lino.read((data / "tokens.lino").read_bytes())
    assert not text.problems
    assert text.records == binary.read((data / "tokens.bin").read_bytes()).records
    assert set(text.records) == {issued, *(token["id"] for token in MANIFEST["tokens"])}
    assert text.records[revoked].revoked and not text.records[issued].revoked
    assert text.records[issued].label == "since then é"
    before, after = ((place / "providers.lenv").read_text().splitlines() for place in (HERE / "data", data))
    assert after == [line for line in before if '"by-variable"' not in line]


@contextmanager
def rust_router(program: Path, home: Path, upstream: str) -> Iterator[int]:
    """Run the real router over the same files, and give its port."""
    port = free_port()
    settings = {
        "PATH": os.environ["PATH"], "HOME": str(home), "DATA_DIR": str(home / "data"), "ROUTER_PORT": str(port),
        "CLAUDE_CODE_HOME": str(home / "claude"), "TOKEN_ADMIN_KEY": ADMIN_KEY, "UPSTREAM_BASE_URL": upstream,
        "TOKEN_SECRET": MANIFEST["token_secret"], "ROUTER_HOST": "127.0.0.1",
    }  # fmt: skip
    process = subprocess.Popen([str(program)], cwd=home, env=settings, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait()
