"""Bodies that the tests send, and what of an answer is the gateway's own."""

from __future__ import annotations

import json
from typing import Any

PING = b'event: ping\ndata: {"type": "ping"}\n\n'


def ask_body(words: str = "hi", **more: Any) -> bytes:
    """Write a messages request, spaced as no serialiser would."""
    content = json.dumps(words)
    extra = "".join(f', "{name}":{json.dumps(value)}' for name, value in more.items())
    return (
        f'{{"max_tokens": 64,  "model":"claude-sonnet-5-5", "messages":[{{"role":"user","content":{content}}}]'
        f"{extra} }}\n"
    ).encode()


ASK = ask_body()
STREAM = ask_body(stream=True)
