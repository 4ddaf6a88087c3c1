"""A tracker on a real socket: takes Offers, answers when the test says so, signed as itself."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from tests.e2e.federating import FederatedGateway, until
from tests.fakes.server import Answer, Seen
from tests.forgefed.peers import Peer, shown
from tests.rawhttp import Response

SURFACES = {
    "/v1/chat/completions": lambda text: {"messages": [{"role": "user", "content": text}]},
    "/v1/messages": lambda text: {"max_tokens": 99, "messages": [{"role": "user", "content": text}]},
    "/v1/responses": lambda text: {"input": text},
}


class Tracker(Peer):
    """`tickets` holds what is shown at `/tickets/<n>`; `polled` counts looks at each."""

    def __init__(self) -> None:
        super().__init__("tracker")
        self.tickets: dict[str, Any] = {}
        self.polls: list[tuple[str, float]] = []
        self.inbox_answer = Answer(202)
        self._lock = threading.Lock()

    def _answer(self, seen: Seen) -> Answer:
        path = seen.path.decode()
        if seen.method == "GET" and path.startswith("/tickets/"):
            self.polls.append((path, time.monotonic()))
            given = self.tickets.get(path, Answer(404))
            given = given.pop(0) if isinstance(given, list) and len(given) > 1 else given
            given = given[0] if isinstance(given, list) else given
            return given if isinstance(given, Answer) else shown(given)
        return super()._answer(seen)

    def reset(self) -> None:
        """Show nothing, and forget who has asked."""
        self.tickets.clear()
        self.documents.clear()
        self.polls.clear()
        self.came.clear()
        self.server.reset()
        self.inbox_answer = Answer(202)

    def offers(self) -> list[dict[str, Any]]:
        return [one for one in self.said() if one["type"] == "Offer"]

    def offer_about(self, text: str) -> dict[str, Any]:
        """Wait for the Offer whose ticket asks this."""
        return until(
            lambda: next((one for one in self.offers() if text in one["object"]["content"]), None), text
        )

    def ticket(self, number: int, **more: Any) -> str:
        """Show a ticket; return its address."""
        uri = f"{self.base}/tickets/{number}"
        self.tickets[f"/tickets/{number}"] = {"id": uri, "type": "Ticket", "context": self.id, **more}
        return uri

    def tell(self, gateway: FederatedGateway, activity: dict[str, Any], scheme: str = "cavage") -> int:
        """Post an activity to the gateway's inbox; return the status."""
        body = json.dumps(activity).encode()
        headers = self.headers(body, scheme, url=f"{gateway.base}/inbox/code")
        return gateway.ask("POST", "/inbox/code", list(headers.items()), body).status

    def accept(self, gateway: FederatedGateway, offer: dict[str, Any], result: Any) -> int:
        return self.tell(gateway, self.activity("Accept", offer["id"], result=result))


class Caller:
    """Makes calls of a gateway beside the test."""

    def __init__(self, gateway: FederatedGateway) -> None:
        self._gateway = gateway
        self._token = gateway.issue("caller")
        self._pool = ThreadPoolExecutor(16)

    def begin(self, path: str, text: str, *, stream: bool = False, **more: Any) -> Future[Response]:
        body = {"model": "crater-forgefed", "stream": stream, **SURFACES[path](text), **more}
        headers = [self._token.bearer, ("content-type", "application/json")]
        return self._pool.submit(self._gateway.ask, "POST", path, headers, json.dumps(body).encode())

    def ask(self, path: str, text: str, **more: Any) -> Response:
        return self.begin(path, text, **more).result(60)

    @property
    def bearer(self) -> tuple[str, str]:
        return self._token.bearer


def text_of(answer: Response) -> str:
    """Return the text of an answer of any surface, streamed or not."""
    body = answer.body.decode()
    if "text/event-stream" in str(answer.headers):
        pieces = []
        for line in body.splitlines():
            if line.startswith("data: {"):
                event = json.loads(line[6:])
                choices = event.get("choices") or [{}]
                delta = event.get("delta")
                pieces.append(choices[0].get("delta", {}).get("content", ""))
                pieces.append(delta if isinstance(delta, str) else (delta or {}).get("text", ""))
        return "".join(pieces)
    document = json.loads(body)
    if "choices" in document:
        return document["choices"][0]["message"]["content"]
    if "output" in document:
        return document["output"][0]["content"][0]["text"]
    return document["content"][0]["text"]
