"""The shipped nginx.conf, run by a real nginx in front of a real gateway: streams flow, paths pass, peers are known."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.harness import GatewayProcess, manage, prepare

ROOT = Path(__file__).resolve().parents[2]
NGINX = shutil.which("nginx") or next(iter(map(str, Path("/usr/sbin").glob("nginx"))), None)

pytestmark = [
    pytest.mark.nginx,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed"),
]
START = b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":1}}}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


class Vendor(ThreadingHTTPServer):
    """Sends the first event, and the last only when it is told that the first one has arrived."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.first_arrived = threading.Event()
        self.seen: list[tuple[str, int]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Vendor

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.seen.append((self.path, len(body)))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.send_chunk(START)
        assert self.server.first_arrived.wait(20), "the first event is held back on its way"
        self.send_chunk(STOP)
        self.send_chunk(b"")

    def send_chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with Vendor() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def gateway(vendor: Vendor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    template = prepare(tmp_path_factory.mktemp("template"))
    settings = {"TRUSTED_PROXIES": "127.0.0.1"}
    directory = tmp_path_factory.mktemp("gateway")
    with GatewayProcess(template, directory, vendor.url, "uvicorn", settings) as process:
        yield process


@pytest.fixture(scope="module")
def port(gateway: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """nginx with the shipped file, without TLS and on ports of the test's own."""
    directory = tmp_path_factory.mktemp("nginx")
    port = free_port()
    shipped = (ROOT / "deploy" / "nginx" / "link-assistant-router.conf").read_text()
    shipped = shipped.replace("server 127.0.0.1:8080;", f"server 127.0.0.1:{gateway.port};")
    shipped = shipped.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    shipped = shipped.replace("listen 443 ssl http2;", f"listen 127.0.0.1:{port};")
    shipped = re.sub(r"(?m)^    ssl_certificate\w* .*\n", "", shipped)
    (directory / "logs").mkdir()
    main = f"""
        pid {directory}/pid; daemon off; error_log {directory}/logs/error.log; worker_processes 1;
        events {{ worker_connections 64; }}
        http {{ access_log off; client_body_temp_path {directory}/b; proxy_temp_path {directory}/p;
                fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
                {shipped} }}"""
    (directory / "nginx.conf").write_text(main)
    process = subprocess.Popen([str(NGINX), "-p", str(directory), "-c", str(directory / "nginx.conf")])
    try:
        wait_until_it_listens(port, process, directory / "logs" / "error.log")
        yield port
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_file_as_it_is_shipped_is_taken_by_nginx(tmp_path: Path) -> None:
    """TLS lines included; only the places of the certificate are ours."""
    paths = {"pem": tmp_path / "own.pem", "key": tmp_path / "own.key"}
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    names = ["-subj", "/CN=router.example.com", "-keyout", str(paths["key"]), "-out", str(paths["pem"])]
    subprocess.run([*new, *names], check=True, capture_output=True, timeout=240)
    shipped = (ROOT / "deploy" / "nginx" / "link-assistant-router.conf").read_text()
    for kind, path in paths.items():
        shipped = shipped.replace(f"/etc/ssl/router.example.com.{kind}", str(path))
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; events {{}} http {{ access_log off;\n{shipped}\n}}"
    )
    command = [str(NGINX), "-t", "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr


def test_the_whole_file_for_compose_is_taken_by_nginx(tmp_path: Path) -> None:
    shipped = (ROOT / "deploy" / "nginx" / "compose.conf").read_text()
    for before, after in (("server router:8080;", "server 127.0.0.1:1;"), (" /tmp/", f" {tmp_path}/")):
        assert before in shipped
        shipped = shipped.replace(before, after)
    (tmp_path / "nginx.conf").write_text(shipped)
    command = [str(NGINX), "-t", "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr


def test_both_files_treat_calls_alike() -> None:
    def location(name: str) -> set[str]:
        text = (ROOT / "deploy" / "nginx" / name).read_text().split("location / {")[1].split("}")[0]
        return {line.strip() for line in text.splitlines() if line.strip().endswith(";")}

    own = {"proxy_set_header Host $host;", "proxy_set_header X-Forwarded-Proto $scheme;"}
    assert location("link-assistant-router.conf") - own <= location("compose.conf")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def wait_until_it_listens(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    while True:
        assert process.poll() is None, log.read_text() if log.exists() else "nginx did not start"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except ConnectionRefusedError:
            continue


@pytest.fixture(scope="module")
def token(gateway: GatewayProcess) -> str:
    return manage(gateway.data_dir, "tokens", "issue", "--label", "nginx").strip()


def call(port: int, token: str, path: str, size: int = 0) -> HTTPConnection:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    body = {"model": "claude-sonnet-5", "max_tokens": 1, "stream": True, "messages": [], "x": "y" * size}
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Host": "router.example.com",
    }
    connection.request("POST", path, json.dumps(body), headers)
    return connection


def test_the_first_event_arrives_while_the_answer_is_still_open(
    vendor: Vendor, port: int, token: str
) -> None:
    vendor.first_arrived.clear()
    response = call(port, token, "/v1/messages?beta=true").getresponse()
    assert response.status == 200
    assert response.read(len(START)) == START
    vendor.first_arrived.set()
    assert response.read() == STOP
    assert vendor.seen[-1][0] == "/v1/messages?beta=true"


def test_a_body_of_ten_megabytes_passes(vendor: Vendor, port: int, token: str) -> None:
    vendor.first_arrived.set()
    response = call(port, token, "/v1/messages", 10_000_000).getresponse()
    assert response.read() == START + STOP
    assert vendor.seen[-1][1] > 10_000_000


def test_paths_are_not_touched_on_the_way(port: int, token: str) -> None:
    """nginx would resolve `/v1/%2e%2e/v1/messages` to a surface; the gateway must see what was sent, and refuse it."""
    for path in ("/v1/%2e%2e/v1/messages", "//v1/messages", "/%76%31/messages"):
        response = call(port, token, path).getresponse()
        response.read()
        assert response.status in (400, 404), path


def test_behind_it_nobody_is_local(gateway: GatewayProcess, port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(5):
        connection.request("GET", "/api/tokens/list", headers={"Authorization": "Bearer wrong"})
        response = connection.getresponse()
        response.read()
        assert response.status == 401
    connection.request("GET", "/api/tokens/list", headers={"Authorization": "Bearer wrong"})
    assert connection.getresponse().status == 429
    assert gateway.admin("GET", "/api/tokens/list").status == 200  # this machine, not through nginx


def test_a_websocket_passes(vendor: Vendor, port: int, token: str) -> None:
    vendor.first_arrived.set()
    headers = {"Authorization": f"Bearer {token}"}
    with connect(f"ws://127.0.0.1:{port}/v1/responses", additional_headers=headers, proxy=None) as opened:
        opened.send(
            json.dumps({"type": "response.create", "model": "claude-sonnet-5", "input": "x" * 200_000})
        )
        assert json.loads(opened.recv(15))["type"] == "response.created"
