"""What the conformance tests send, and what they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.compat.named import rows
from tests.fakes.server import Answer
from tests.harness import GatewayProcess
from tests.rawhttp import Response

JSON = [("content-type", "application/json")]
SSE = [("content-type", "text/event-stream")]
USAGE = {"input_tokens": 4, "output_tokens": 3}
MESSAGE: dict[str, Any] = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}], "stop_reason": "end_turn",
    "usage": USAGE,
}  # fmt: skip
HI = [{"role": "user", "content": "hi"}]
MODELS = ["claude-sonnet-4-5-20250929", "claude-opus-4-7", "claude-haiku-4-5-20251001"]
Make = Callable[..., GatewayProcess]


def deviates(row: str) -> None:
    """Check that a row of the deviations begins so."""
    assert any(cell.startswith(row) for cell in rows()), row


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def events(*data: dict[str, Any]) -> list[bytes]:
    return [b"event: %b\ndata: %b\n\n" % (one["type"].encode(), dumped(one)) for one in data]


def answered(*parts: bytes, status: int = 200, headers: Any = JSON, framing: str = "length") -> Answer:
    return Answer(status, headers, list(parts), framing)


def post(gateway: GatewayProcess, path: str, body: Any, *more: tuple[str, str]) -> Response:
    return gateway.ask("POST", path, [gateway.token.bearer, *JSON, *more], dumped(body))


def admin(gateway: GatewayProcess, path: str, *headers: tuple[str, str]) -> Response:
    return gateway.ask("POST", path, [*JSON, *headers], b"{}")
