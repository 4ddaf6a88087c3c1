"""No database connection while an answer streams; two hosts behind the shipped nginx."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.calls import ASK, STREAM
from tests.e2e.many.cluster import Stores, eventually
from tests.e2e.many.conftest import migrated
from tests.fakes import vendor as v
from tests.fakes.redis import RedisServer
from tests.fakes.server import Gate
from tests.harness import ROOT
from tests.rawhttp import RawClient

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
RECORDS = v.events("claude-sonnet-5-5", v.text("a word"))
STREAMS = 500


@pytest.fixture
def scarce(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Give a PostgreSQL that takes 20 connections, 3 of them for its operators only."""
    with redis_server.client() as client:
        client.flushall()
    with migrated(tmp_path_factory.mktemp("scarce"), max_connections=20) as server:
        yield Stores(server, redis_server, "migrated")


async def stream(port: int, request: bytes) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    got = bytearray()
    while piece := await reader.read(65536):
        got += piece
        if got.endswith(b"0\r\n\r\n"):
            break
    writer.close()
    return got.startswith(b"HTTP/1.1 200") and b"message_stop" in got


async def test_500_streams_over_20_connections(scarce, launch, vendor):
    host = launch(scarce, settings={"WORKERS": "4", "PING_SECONDS": "0"})
    gate = Gate()
    vendor.messages = lambda body: v.stream_answer([RECORDS[0], gate, *RECORDS[1:]])
    try:
        lines = "".join(f"{name}: {value}\r\n" for name, value in host.call_headers())
        head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\n{lines}content-length: {len(STREAM)}\r\n\r\n"
        running = asyncio.gather(*(stream(host.port, head.encode() + STREAM) for _ in range(STREAMS)))
        wait = asyncio.to_thread(eventually, lambda: len(vendor.seen) >= STREAMS, 40, "not all began")
        await wait
        await asyncio.sleep(1)
        words = "SELECT state, count(*) AS n FROM pg_stat_activity WHERE datname = 'migrated' GROUP BY state"
        held = {row["state"]: row["n"] for row in scarce.query(words)}
        assert sum(held.values()) <= 4 * 3 + 1
        assert held.get("idle in transaction", 0) == 0
        await asyncio.to_thread(host.issue, "while they stream")
    finally:
        gate.open()
        del vendor.messages
    assert await running == [True] * STREAMS
    count = "SELECT count(*) AS n FROM gateway_exchange WHERE token_id = %s AND status = 200"
    await asyncio.to_thread(
        eventually, lambda: scarce.query(count, host.token.id)[0]["n"] == STREAMS, 20, "not every row"
    )
    assert "too many" not in host.log().lower()


@pytest.mark.nginx
@pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
def test_two_hosts_behind_the_shipped_nginx(stores, launch, vendor, tmp_path: Path):
    hosts = [launch(stores, settings={"WORKERS": "1", "TRUSTED_PROXIES": "127.0.0.1"}) for _ in range(2)]
    port_file = tmp_path / "n"
    with subprocess.Popen([NGINX, "-c", str(configuration(hosts, tmp_path)), "-p", str(tmp_path)]) as nginx:
        eventually(port_file.exists)
        try:
            through(port_file, hosts)
        finally:
            nginx.terminate()


def configuration(hosts, home: Path) -> Path:
    """Return the file as it is shipped, with other addresses."""
    shipped = (ROOT / "deploy" / "nginx" / "link-assistant-router.conf").read_text()
    servers = "".join(f"server 127.0.0.1:{host.port};\n" for host in hosts)
    text = shipped.replace("server 127.0.0.1:8080;\n", servers)
    assert text != shipped
    text = re.sub(r"server \{\s*listen 80;.*?\n\}\n", "", text, count=1, flags=re.S)
    text = re.sub(r"listen 443 .*", f"listen unix:{home}/n;", text)
    text = re.sub(r"^\s*(http2 on|ssl_certificate\S* .*);\n", "", text, flags=re.M)
    temp = "".join(f"{kind}_temp_path {home}/{kind};\n" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    file = home / "nginx.conf"
    file.write_text(
        f"daemon off; master_process off; pid {home}/pid; error_log {home}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\nclient_body_temp_path {home}/body;\n{temp}{text}\n}}\n"
    )
    return file


def through(port: Path, hosts) -> None:
    token = hosts[0].issue("behind nginx")

    def call(body: bytes = ASK):
        with RawClient(port) as client:
            client.ask("POST", "/v1/messages", [token.bearer, *hosts[0].call_headers()[1:]], body)
            return client.response()

    assert {call(STREAM).status for _ in range(8)} == {200}
    counts = [host.admin("GET", "/v1/usage").json()["anthropic_messages"] for host in hosts]
    assert sum(counts) == 8 and min(counts) >= 1  # both were asked
    assert hosts[1].admin("POST", "/api/tokens/revoke", {"id": token.id}).status == 200
    began = time.monotonic()
    eventually(lambda: {call().status for _ in range(4)} == {403}, 2)
    assert time.monotonic() - began < 1.5
