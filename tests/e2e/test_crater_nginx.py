"""Two gateways of our own behind nginx, which passes another Host on; one has a tracker for a provider."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.e2e.federating import FederatedGateway, until
from tests.e2e.tracker import SURFACES, Caller, Tracker, text_of
from tests.ports import free_port

NGINX = shutil.which("nginx") or next(iter(map(str, Path("/usr/sbin").glob("nginx"))), None)
pytestmark = [pytest.mark.nginx, pytest.mark.skipif(NGINX is None, reason="nginx is not installed")]

SERVER = """
server {{ listen 127.0.0.1:{public};
    location / {{ proxy_pass http://127.0.0.1:{inner}; proxy_http_version 1.1; proxy_buffering off;
                 proxy_set_header Connection ""; proxy_set_header Host inner.example; }} }}
"""


class Behind:
    """nginx on a port of its own for each of several servers."""

    def __init__(self, directory: Path, ports: dict[int, int]) -> None:
        directory.mkdir()
        servers = "".join(SERVER.format(public=public, inner=inner) for public, inner in ports.items())
        temporary = "".join(
            f"{name}_temp_path {directory}/{name};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (directory / "nginx.conf").write_text(
            f"pid {directory}/pid; daemon off; error_log {directory}/error.log; events {{}}"
            f" http {{ access_log off; {temporary} {servers} }}"
        )
        command = [
            str(NGINX),
            "-p",
            str(directory),
            "-e",
            f"{directory}/error.log",
            "-c",
            f"{directory}/nginx.conf",
        ]
        self._process = subprocess.Popen(command)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)


class OnFixedPort(FederatedGateway):
    """A gateway on a port that is known before, whose public address is nginx's."""

    def __init__(self, template: Path, directory: Path, ports: tuple[int, int], **settings: str) -> None:
        public, inner = ports
        named = {
            "ACTIVITYPUB_ACTOR_BASE_URL": f"http://127.0.0.1:{public}",
            "TRUSTED_PROXIES": "127.0.0.1",
            **settings,
        }
        super().__init__(template, directory, named)
        self.own_port = inner


@pytest.fixture
def pair(template: Path, tmp_path: Path) -> Iterator[tuple[OnFixedPort, OnFixedPort, Tracker]]:
    one, two = (free_port(), free_port()), (free_port(), free_port())
    nginx = Behind(tmp_path / "nginx", {one[0]: one[1], two[0]: two[1]})
    try:
        with Tracker() as stub:
            crater = {
                "UPSTREAM_PROVIDER": "crater",
                "CRATER_FORGEFED_INBOX": f"{stub.id}/inbox",
                "CRATER_POLL_INTERVAL_MS": "100",
            }
            with (
                OnFixedPort(template, tmp_path / "one", one, **crater) as asking,
                OnFixedPort(template, tmp_path / "two", two) as other,
            ):
                yield asking, other, stub
    finally:
        nginx.stop()


def test_behind_nginx_calls_of_every_surface_become_tickets(pair: tuple[OnFixedPort, OnFixedPort, Tracker]):
    asking, other, stub = pair
    caller = Caller(asking)
    for number, (path, stream) in enumerate((path, stream) for path in SURFACES for stream in (False, True)):
        call = caller.begin(path, f"<{number}>", stream=stream)
        offer = stub.offer_about(f"<{number}>")
        assert offer["actor"] == asking.actor, "the public address, whatever Host nginx sends"
        ticket = stub.ticket(number, isResolved=True, result={"content": f"[{number}]"})
        body = json.dumps(stub.activity("Accept", offer["id"], result=ticket)).encode()
        headers = stub.headers(body, "rfc9421" if stream else "cavage", url=f"{asking.base}/inbox/code")
        assert through_nginx(asking, "/inbox/code", headers, body) == 202
        assert text_of(call.result(60)) == f"[{number}]"
    assert other.followers() == []


def test_behind_nginx_two_gateways_follow_each_other(pair: tuple[OnFixedPort, OnFixedPort, Tracker]):
    asking, other, _ = pair
    for one, two in ((asking, other), (other, asking)):
        one.command("federation", "follow", two.actor)
        until(lambda one=one, two=two: one.following() == {two.actor: "accepted"}, "the Accept")
        assert two.followers() == [one.actor]


def through_nginx(gateway: OnFixedPort, path: str, headers: dict[str, str], body: bytes) -> int:
    """Post at the public address; return the status."""
    request = Request(gateway.base + path, body, headers, method="POST")
    with urlopen(request, timeout=60) as answer:
        return int(answer.status)
