"""A token endpoint over a real socket: rotates refresh tokens, each good once, and does what a test scripts."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str], dict[str, Any]]


class FakeTokenEndpoint:
    """`script` holds answers for the next requests; None in it, or nothing left, means: rotate."""

    def __init__(self) -> None:
        self.refresh_token = "sk-ant-ort01-0"
        self.requests: list[dict[str, Any]] = []
        self.rotations = 0
        self.script: list[Answer | None] = []
        self.delay_seconds = 0.0
        self.life_seconds = 28800
        self.is_rotating = True  # False: answers no refresh token, the old one stays good
        self.half_answer_then: Callable[[], None] | None = None
        self._lock = threading.Lock()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status, headers, document = endpoint.answer(body)
                data = json.dumps(document).encode()
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if endpoint.half_answer_then is not None:
                    self.wfile.write(data[: len(data) // 2])
                    self.wfile.flush()
                    endpoint.half_answer_then()
                    return
                with contextlib.suppress(ConnectionError):  # a caller that did not wait
                    self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1/oauth/token"

    def answer(self, body: dict[str, Any]) -> Answer:
        with self._lock:
            self.requests.append(body)
            scripted = self.script.pop(0) if self.script else None
        time.sleep(self.delay_seconds)  # the vendor's own slowness, not a wait for something
        if scripted is not None:
            return scripted
        with self._lock:
            if body["refresh_token"] != self.refresh_token:
                return (
                    400,
                    {},
                    {"error": "invalid_grant", "error_description": "Refresh token not found or invalid"},
                )
            self.rotations += 1
            document = {
                "access_token": f"sk-ant-oat01-{self.rotations}",
                "expires_in": self.life_seconds,
                "token_type": "Bearer",
            }
            if self.is_rotating:
                self.refresh_token = document["refresh_token"] = f"sk-ant-ort01-{self.rotations}"
            return 200, {}, document

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
