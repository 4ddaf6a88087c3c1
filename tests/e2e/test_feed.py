"""The live feed over real sockets, on both servers, for those who may look."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.e2e.calls import ASK
from tests.harness import ADMIN_KEY, GatewayProcess, Token

PASSWORD = "a-password-of-the-test"
SECONDS = 60.0
"""For a machine under load; what a call takes to be seen is measured where nothing else runs."""


def log_in(gateway: GatewayProcess, name: str) -> str:
    """Log in as people do; return the session's cookie."""
    asking = HTTPConnection("127.0.0.1", gateway.port, timeout=SECONDS)
    asking.request("GET", "/login/")
    page = asking.getresponse()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    cookie = (page.headers["Set-Cookie"] or "").split(";")[0]
    assert token is not None
    asking.request(
        "POST",
        "/login/",
        f"csrfmiddlewaretoken={token[1]}&username={name}&password={PASSWORD}",
        {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie},
    )
    answer = asking.getresponse()
    answer.read()
    assert answer.status == 302, answer.status
    found = [line.split(";")[0] for line in answer.headers.get_all("Set-Cookie") or ()]
    return next(each for each in found if each.startswith("sessionid="))


@contextmanager
def looking(gateway: GatewayProcess, query: str = "", **headers: str) -> Iterator[ClientConnection]:
    url = f"ws://127.0.0.1:{gateway.port}/ws/feed{query}"
    given = {name.title(): value for name, value in headers.items()}
    with connect(url, additional_headers=given, proxy=None, open_timeout=SECONDS) as socket:
        yield socket


def key() -> dict[str, str]:
    return {"authorization": f"Bearer {ADMIN_KEY}"}


def seen(socket: ClientConnection, wanted: set[str]) -> list[dict[str, Any]]:
    """Return the calls that were sent, once those that are wanted are among them."""
    rows: list[dict[str, Any]] = []
    deadline = time.monotonic() + SECONDS
    while not wanted <= {row["id"] for row in rows}:
        told = json.loads(socket.recv(max(0.0, deadline - time.monotonic())))
        rows += told["data"] if told["type"] == "calls" else []
    return rows


def closed(socket: ClientConnection) -> int:
    """Return the code with which the gateway closes, whatever it sends before."""
    try:
        while True:
            socket.recv(SECONDS)
    except ConnectionClosed as told:
        assert told.rcvd is not None
        return told.rcvd.code


def missed(socket: ClientConnection) -> int:
    """Return how many calls the next frame says were not sent."""
    while (told := json.loads(socket.recv(SECONDS)))["type"] != "calls":
        pass
    assert told["data"] == []
    return int(told["skipped"])


def log_out(gateway: GatewayProcess, cookie: str) -> None:
    asking = HTTPConnection("127.0.0.1", gateway.port, timeout=SECONDS)
    asking.request("GET", "/console/requests/", headers={"Cookie": cookie})
    page = asking.getresponse()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    csrf = next(
        line.split(";")[0] for line in page.headers.get_all("Set-Cookie") or () if line.startswith("csrf")
    )
    assert token is not None
    form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"{cookie}; {csrf}"}
    asking.request("POST", "/logout/", f"csrfmiddlewaretoken={token[1]}", form)
    answer = asking.getresponse()
    answer.read()
    assert answer.status == 302, answer.status


def call(gateway: GatewayProcess, token: Token | None = None) -> str:
    headers = [(token or gateway.token).bearer, *gateway.call_headers()[1:]]
    answer = gateway.ask("POST", "/v1/messages", headers, ASK)
    assert answer.status == 200
    return str(answer.get("x-gateway-request-id"))


def person(gateway: GatewayProcess, name: str, role: str) -> None:
    gateway.admin("POST", "/api/people", {"email": name, "password": PASSWORD, "role": role})


def test_a_call_is_seen_by_whom_it_concerns(gateway: GatewayProcess, vendor) -> None:
    with (
        looking(gateway, **key()) as everything,
        looking(gateway, f"?token={gateway.token.id}&status=ok", **key()) as of_token,
        looking(gateway, "?status=failed", **key()) as failed,
    ):
        made = call(gateway)
        for socket in (everything, of_token):
            row = next(row for row in seen(socket, {made}) if row["id"] == made)
            assert (row["token"], row["status"], row["model_asked"]) == (
                gateway.token.id, 200, "claude-sonnet-5-5",
            )  # fmt: skip
        failed.send('{"type": "stop"}')
        assert closed(failed) == 1008


def test_who_is_let_in_and_how_it_ends(gateway: GatewayProcess, vendor) -> None:
    own = f"http://127.0.0.1:{gateway.port}"
    for headers in ({}, {"origin": own}, {"authorization": "Bearer wrong"}):
        with pytest.raises(InvalidStatus) as refused, looking(gateway, **headers):
            pass
        assert refused.value.response.status_code == (401 if "authorization" in headers else 403)
    person(gateway, "viewer@example.org", "viewer")
    cookie = log_in(gateway, "viewer@example.org")
    with pytest.raises(InvalidStatus) as refused, looking(gateway, cookie=cookie, origin="http://evil.test"):
        pass
    assert refused.value.response.status_code == 403
    with looking(gateway, cookie=cookie, origin=own) as socket:
        made = call(gateway)
        assert seen(socket, {made})
        assert gateway.admin("PATCH", "/api/people/viewer@example.org", {"role": None}).status == 200
        assert closed(socket) == 4403
    assert gateway.admin("DELETE", "/api/people/viewer@example.org").status == 200


def test_logging_out_ends_it(gateway: GatewayProcess, vendor) -> None:
    own = f"http://127.0.0.1:{gateway.port}"
    person(gateway, "leaver@example.org", "viewer")
    cookie = log_in(gateway, "leaver@example.org")
    with looking(gateway, cookie=cookie, origin=own) as socket, looking(gateway, **key()) as other:
        log_out(gateway, cookie)
        assert closed(socket) == 4403
        made = call(gateway)
        assert seen(other, {made})
    with pytest.raises(InvalidStatus), looking(gateway, cookie=cookie, origin=own):
        pass


def test_pauses_and_interruptions_lose_nothing_and_repeat_nothing(gateway: GatewayProcess, vendor) -> None:
    own = gateway.issue("interrupted")
    query = f"?token={own.id}"
    with looking(gateway, query, **key()) as socket:
        first = call(gateway, own)
        assert [row["id"] for row in seen(socket, {first})] == [first]
        socket.send('{"type": "pause"}')
        unseen = call(gateway, own)
        with looking(gateway, query, **key()) as other:  # the other sees it; or has come too late for it
            last = call(gateway, own)
            seen(other, {last})
        socket.send('{"type": "resume"}')
        assert missed(socket) == 2
    with looking(gateway, f"{query}&since={first}", **key()) as socket:
        again = call(gateway, own)
        assert [row["id"] for row in seen(socket, {again})] == [unseen, last, again]
