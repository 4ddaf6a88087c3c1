"""Who may open a page's WebSocket."""

from __future__ import annotations

from typing import Any

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser, User
from django.urls import path

from gateway.access import guards, sockets
from gateway.access.gate import Gate, GateOptions
from gateway.access.sockets import Pages, is_same_origin

KEY = "a-key-of-this-test"

pytestmark = pytest.mark.django_db(transaction=True)  # Channels looks at this thread's connection


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.send(text_data=text_data)


def is_staff(user: Any) -> bool:
    return bool(user.is_staff)


ROUTES = [path("ws/echo", Echo.as_asgi())]


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Pages:
    gate = Gate(GateOptions(key=KEY, bind_host="", allow_anonymous=False), lambda: 0.0)
    monkeypatch.setattr(guards, "gate", lambda: gate)
    return Pages(ROUTES, is_staff)


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a user in the place of the session's."""

    def of(user: Any) -> None:
        monkeypatch.setattr(
            sockets,
            "AuthMiddlewareStack",
            lambda inner: lambda scope, *ends: inner({**scope, "user": user}, *ends),
        )

    of(AnonymousUser())
    return of


async def opens(pages: Pages, *headers: tuple[bytes, bytes]) -> bool:
    client = WebsocketCommunicator(pages, "/ws/echo", [(b"host", b"gateway.test"), *headers])
    is_open, _ = await client.connect()
    if is_open:
        await client.send_to(text_data="hello")
        assert await client.receive_from() == "hello"
        await client.disconnect()
    return is_open


ORIGIN = (b"origin", b"http://gateway.test")


@pytest.mark.parametrize(
    ("who", "is_let_in"),
    [
        (User(is_active=True, is_staff=True), True),
        (User(is_active=True, is_staff=False), False),
        (User(is_active=False, is_staff=True), False),
        (AnonymousUser(), False),
    ],
    ids=["staff", "person", "inactive", "nobody"],
)
async def test_a_session_that_may_look_is_let_in(user: Any, who: Any, is_let_in: bool, pages: Pages) -> None:
    user(who)
    assert await opens(Pages(ROUTES, is_staff), ORIGIN) is is_let_in


async def test_a_page_of_another_origin_can_t_use_a_session(user: Any, pages: Pages) -> None:
    user(User(is_active=True, is_staff=True))
    own = Pages(ROUTES, is_staff)
    assert await opens(own, ORIGIN)
    assert not await opens(own, (b"origin", b"http://evil.test"))
    assert not await opens(own)


@pytest.mark.parametrize(("key", "is_let_in"), [(KEY, True), ("wrong", False)])
async def test_a_program_proves_itself_by_the_key(pages: Pages, key: str, is_let_in: bool) -> None:
    assert await opens(pages, (b"authorization", f"Bearer {key}".encode())) is is_let_in


async def test_a_refusal_says_why_where_the_server_can(pages: Pages) -> None:
    client = WebsocketCommunicator(pages, "/ws/echo", [(b"host", b"gateway.test")])
    client.scope["extensions"] = {"websocket.http.response": {}}
    await client.send_input({"type": "websocket.connect"})
    start, body = await client.receive_output(), await client.receive_output()
    assert start["status"] == 403 and b"not one of this server's" in body["body"]


def test_pages_are_known_by_their_paths(pages: Pages) -> None:
    assert pages.has("/ws/echo")
    assert not pages.has("/ws/other") and not pages.has("/v1/responses")


@pytest.mark.parametrize(
    ("origin", "host", "is_own"),
    [
        (b"http://a.test", b"a.test", True), (b"https://A.test", b"a.test:443", True),
        (b"http://a.test:8080", b"a.test:8080", True), (b"http://[::1]:80", b"[::1]", True),
        (b"http://a.test:8080", b"a.test", False), (b"https://a.test", b"a.test:80", False),
        (b"null", b"a.test", False), (b"", b"", False), (b"http://a.test:x", b"a.test", False),
        (b"http://\xff", b"\xff", False), (b"http://b.test", b"a.test", False),
    ],
)  # fmt: skip
def test_the_origin_is_the_host_s(origin: bytes, host: bytes, is_own: bool) -> None:
    assert is_same_origin(((b"host", host), (b"origin", origin))) is is_own
