"""A client of the Responses API over a WebSocket, for tests over real sockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.harness import GatewayProcess

ENDS = ("response.completed", "response.incomplete", "response.failed", "error")


class Talk:
    """One open connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def say(self, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": "response.create", "model": "claude-sonnet-5-5", **fields}))

    def frame(self, timeout: float = 15) -> Any:
        return json.loads(self.socket.recv(timeout))

    def events(self) -> list[Any]:
        """Return the frames of one answer, to its last."""
        frames = [self.frame()]
        while frames[-1]["type"] not in ENDS:
            frames.append(self.frame())
        return frames

    def ask(self, **fields: Any) -> Any:
        """Return the last frame of the answer."""
        self.say(**fields)
        return self.events()[-1]

    def closed(self, timeout: float = 15) -> int:
        """Return the code with which the gateway closes."""
        try:
            while True:
                self.socket.recv(timeout)
        except ConnectionClosed as told:
            assert told.rcvd is not None
            return told.rcvd.code


@contextmanager
def talking(gateway: GatewayProcess, secret: str | None = None) -> Iterator[Talk]:
    headers = {"Authorization": f"Bearer {secret or gateway.token.secret}"}
    url = f"ws://127.0.0.1:{gateway.port}/v1/responses"
    with connect(url, additional_headers=headers, proxy=None, max_size=None) as socket:
        yield Talk(socket)


def text_of(response: Any) -> str:
    return "".join(
        part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"]
    )
