"""A stand-in for Anthropic's API, for trying the gateway without credentials.

    python examples/fake_vendor.py [PORT]

It answers `POST /v1/messages` with a short text, word by word when streamed, and says which
credential and how much of a body it was shown. Standard library only; no part of the gateway.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORD_SECONDS = 0.06


def words_for(credential: str, request: dict[str, Any]) -> list[str]:
    """Return what the stand-in says, cut into words."""
    question = request["messages"][-1]["content"]
    if not isinstance(question, str):
        question = " ".join(block.get("text", "") for block in question)
    answer = (
        f"You asked: {question.strip()} I am no model, only a stand-in for the vendor, "
        f"and I stream word by word. The credential I was shown begins with {credential[:12]}…, "
        "the operator's own: the client's token stayed at the gateway."
    )
    return [word + " " for word in answer.split(" ")]


def usage(request_bytes: int, words: int) -> dict[str, int]:
    return {
        "input_tokens": request_bytes // 4,
        "output_tokens": words,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }


def whole(model: str, words: list[str], request_bytes: int) -> dict[str, Any]:
    """Return the answer as one Message object."""
    return {
        "id": "msg_standin",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": "".join(words)}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": usage(request_bytes, len(words)),
    }


def records(message: dict[str, Any], words: list[str]) -> Iterator[bytes]:
    """Yield the same answer as server-sent events."""

    def record(name: str, **data: Any) -> bytes:
        return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()

    begin = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
    yield record("message_start", message=begin)
    yield record("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for word in words:
        time.sleep(WORD_SECONDS)
        yield record("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
    yield record("content_block_stop", index=0)
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    yield record("message_delta", delta=ending, usage={"output_tokens": len(words)})
    yield record("message_stop")


class StandIn(BaseHTTPRequestHandler):
    """Answers as Anthropic's API does, with one text."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path.partition("?")[0] != "/v1/messages":
            self._error(404, "not_found_error", f"This stand-in has no {self.path}")
            return
        given = self.headers.get("x-api-key") or self.headers.get("authorization", "").removeprefix("Bearer ")
        if not given:
            self._error(401, "authentication_error", "x-api-key header is required")
            return
        try:
            request = json.loads(body)
            words = words_for(given, request)
            message = whole(request["model"], words, len(body))
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            self._error(400, "invalid_request_error", f"Not a messages request: {error!r}")
            return
        if request.get("stream"):
            self._stream(records(message, words))
        else:
            self._json(200, message)

    def _stream(self, parts: Iterator[bytes]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for part in parts:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _json(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _error(self, status: int, kind: str, words: str) -> None:
        self._json(status, {"type": "error", "error": {"type": kind, "message": words}})

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the terminal belongs to the demo."""


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = ThreadingHTTPServer(("127.0.0.1", port), StandIn)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
