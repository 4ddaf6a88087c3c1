"""Behind an nginx that nobody has configured: streams still flow, and who leaves is still noticed.

(`deploy/nginx`, which does better, has its own test in tests/deploy.)
"""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.calls import PING, STREAM
from tests.e2e.conftest import QUICK
from tests.fakes import vendor as v
from tests.fakes.server import Gate
from tests.harness import SERVERS
from tests.rawhttp import RawClient

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/opt/homebrew/bin")
pytestmark = [pytest.mark.nginx, pytest.mark.skipif(NGINX is None, reason="nginx is not installed")]

CONFIGURATION = """
daemon off; master_process off; pid {home}/pid; error_log {home}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f;
  uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  server {{ listen unix:{socket}; location / {{ proxy_pass http://127.0.0.1:{port}; }} }}
}}
"""
RECORDS = v.events("claude-sonnet-5-5", v.text("through the proxy"))


@pytest.fixture(params=SERVERS)
def gateway(request, shared, vendor):
    return shared(request.param, {**QUICK, "STORED_OBJECTS": "shared"})  # any file's path goes up


@pytest.fixture
def proxy(gateway, tmp_path):
    """Return the path of the socket that nginx listens on."""
    socket = tmp_path / "n"
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(home=tmp_path, socket=socket, port=gateway.port))
    with subprocess.Popen(
        [NGINX, "-c", str(configuration), "-p", str(tmp_path)], stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 10
        while not socket.exists():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield socket
        process.terminate()


def begin(proxy: Path, gateway) -> RawClient:
    client = RawClient(proxy)
    return client.ask("POST", "/v1/messages?beta=true", gateway.call_headers(), STREAM)


def test_every_event_leaves_as_it_arrives(proxy, gateway, vendor):
    gates = [Gate() for _ in RECORDS]
    vendor.say(v.stream_answer([part for pair in zip(gates, RECORDS, strict=True) for part in pair]))
    with begin(proxy, gateway) as client:
        got = b""
        for number, gate in enumerate(gates):
            assert gate.reached.wait(5)
            gate.open()
            if number == 0:
                assert client.head().status == 200
            while RECORDS[number] not in got:
                got += client.chunk()
        assert client.rest()[0].replace(PING, b"") == b""
    assert got.replace(PING, b"") == b"".join(RECORDS)


def test_silence_before_the_first_byte_is_pinged_away(proxy, gateway, vendor):
    answer = v.stream_answer(list(RECORDS))
    answer.before_head = Gate()
    vendor.say(answer)
    with begin(proxy, gateway) as client:
        assert client.head().status == 200
        assert client.chunk().startswith(PING)
        answer.before_head.open()
        assert client.rest()[0].endswith(b"".join(RECORDS))


def test_a_client_that_leaves_closes_the_upstream(proxy, gateway, vendor):
    vendor.say(v.stream_answer([RECORDS[0], Gate()]))
    client = begin(proxy, gateway)
    client.head()
    client.until(b"message_start")
    left_at = client.leave()
    assert vendor.last.wait_gone() - left_at < 1


def test_paths_pass_byte_for_byte(proxy, gateway, vendor):
    vendor.say(v.json_answer({}))
    with RawClient(proxy) as client:
        client.ask("GET", "/v1/files/a%20b%3Fc?x=%2F'", gateway.call_headers())
        assert client.response().status == 200
    assert vendor.last.target == b"/v1/files/a%20b%3Fc?x=%2F'"
