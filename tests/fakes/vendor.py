"""A stand-in for Anthropic's API: strict about what a real one is strict about, scripted otherwise.

`Vendor(credential="sk-ant-api03-…")` answers `/v1/messages` (streamed or not), `count_tokens`, models,
and answers everything else 404. What the model "says" follows from the last user text:

- `RUN <command>`: a call of the shell tool among those offered (`Bash` when there is none) with that command;
  after its result, a closing text `The command said: <result>`
- `BOTH <command> & <command>`: two such calls at once
- `SAY <text>`: that text and nothing else
- `THINK …`: a thinking block before what follows
- `ERROR <status>`: that error status; `OVERLOADED`: an `error` event inside the stream
- `SLOW <seconds>`: that pause before the text
- anything else: `You said: <text>`

`python -m tests.fakes.vendor [credential]` serves it alone and prints its URL.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from typing import Any

from tests.fakes.anthropic_rules import SIGNATURE, broken_rule
from tests.fakes.server import Answer, FakeServer, Gate, Part, Seen

JSON = ("content-type", "application/json")
EVENT_STREAM = ("content-type", "text/event-stream; charset=utf-8")
API_KEY = "sk-ant-api03-CANARY-operator-key-0123456789"
OAUTH_TOKEN = "sk-ant-oat01-CANARY-operator-token-0123456789"
OAUTH_BETA = "oauth-2025-04-20"
REQUEST_ID = "req_011FakeVendor"
MODELS = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-sonnet-4-5-20250929")

# What every ordinary answer of this vendor costs.
INPUT_TOKENS, CACHE_READ_TOKENS, CACHE_WRITE_TOKENS, OUTPUT_TOKENS = 12, 2048, 128, 34

Block = dict[str, Any]


def usage(output_tokens: int = OUTPUT_TOKENS) -> dict[str, Any]:
    return {
        "input_tokens": INPUT_TOKENS,
        "cache_creation_input_tokens": CACHE_WRITE_TOKENS,
        "cache_read_input_tokens": CACHE_READ_TOKENS,
        "cache_creation": {"ephemeral_5m_input_tokens": CACHE_WRITE_TOKENS, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }


def text(words: str) -> Block:
    return {"type": "text", "text": words}


def thinking(words: str) -> Block:
    return {"type": "thinking", "thinking": words, "signature": SIGNATURE}


def tool_use(name: str, arguments: dict[str, Any], call_id: str = "toolu_01FakeCall") -> Block:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def message(model: str, *blocks: Block) -> dict[str, Any]:
    """A whole Message object."""
    has_call = any(block["type"] == "tool_use" for block in blocks)
    return {
        "id": "msg_01FakeMessage",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": list(blocks),
        "stop_reason": "tool_use" if has_call else "end_turn",
        "stop_sequence": None,
        "usage": usage(),
    }


def event(name: str, **data: Any) -> bytes:
    """One SSE record as the vendor writes it."""
    body = json.dumps({"type": name, **data}, ensure_ascii=False, separators=(",", ":"))
    return f"event: {name}\ndata: {body}\n\n".encode()


def pieces(words: str, size: int) -> list[str]:
    return [words[at : at + size] for at in range(0, len(words), size)] or [""]


def _deltas(block: Block, size: int) -> tuple[Block, list[Block]]:
    """How a block begins and what comes after, by the vendor's rules."""
    if block["type"] == "text":
        return {**block, "text": ""}, [
            {"type": "text_delta", "text": part} for part in pieces(block["text"], size)
        ]
    if block["type"] == "thinking":
        begin = {"type": "thinking", "thinking": "", "signature": ""}
        parts = [{"type": "thinking_delta", "thinking": part} for part in pieces(block["thinking"], size)]
        return begin, [*parts, {"type": "signature_delta", "signature": block["signature"]}]
    if block["type"] == "tool_use":
        arguments = json.dumps(block["input"])
        parts = [
            {"type": "input_json_delta", "partial_json": part} for part in ["", *pieces(arguments, size)]
        ]
        return {**block, "input": {}}, parts
    return block, []


def events(model: str, *blocks: Block, size: int = 7) -> list[bytes]:
    """The stream of the same Message, one record per item; texts cut every `size` characters."""
    whole = message(model, *blocks)
    begin = {**whole, "content": [], "stop_reason": None, "usage": usage(output_tokens=1)}
    out = [event("message_start", message=begin)]
    for index, block in enumerate(blocks):
        first, deltas = _deltas(block, size)
        out.append(event("content_block_start", index=index, content_block=first))
        if index == 0:
            out.append(event("ping"))
        out += [event("content_block_delta", index=index, delta=delta) for delta in deltas]
        out.append(event("content_block_stop", index=index))
    ending = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    out.append(event("message_delta", delta=ending, usage={"output_tokens": OUTPUT_TOKENS}))
    out.append(event("message_stop"))
    return out


def vendor_headers(*more: tuple[str, str]) -> list[tuple[str, str]]:
    """What the real one sends beside the content type, with names a gateway must and must not pass on."""
    return [
        ("Date", "Tue, 24 Nov 2026 07:00:00 GMT"),
        ("request-id", REQUEST_ID),
        ("anthropic-organization-id", "11111111-2222-4333-8444-CANARY-organization"),
        ("anthropic-ratelimit-requests-remaining", "42"),
        ("strict-transport-security", "max-age=31536000"),
        ("Set-Cookie", "_cfuvid=CANARY-cookie; path=/"),
        ("Server", "cloudflare"),
        ("Via", "1.1 google"),
        ("cf-ray", "8f0000000-FRA"),
        *more,
    ]


def stream_answer(parts: list[Part], *more: tuple[str, str]) -> Answer:
    """Each bytes part leaves as one chunk."""
    return Answer(
        200, [EVENT_STREAM, ("cache-control", "no-cache"), *vendor_headers(*more)], parts, "chunked"
    )


def json_answer(body: Any, status: int = 200, *more: tuple[str, str]) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, [JSON, *vendor_headers(*more)], [raw], reason="Answer")


ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


def error_body(status: int, words: str) -> bytes:
    """Deliberately not as a serialiser would write it: a gateway that re-encodes it is found out."""
    kind = ERROR_TYPES.get(status, "api_error")
    return (
        f'{{"type": "error",  "error": {{"type":"{kind}","message":"{words}", "details": null}}, '
        f'"request_id":"{REQUEST_ID}"}}\n'
    ).encode()


def error_answer(status: int, words: str = "as the vendor words it: é", *more: tuple[str, str]) -> Answer:
    return json_answer(error_body(status, words), status, *more)


def last_user_blocks(body: dict[str, Any]) -> list[Block]:
    """The blocks of the newest user message. Claude Code puts a `system` message behind it."""
    content = next(item["content"] for item in reversed(body["messages"]) if item["role"] == "user")
    return [text(content)] if isinstance(content, str) else content


def last_text(body: dict[str, Any]) -> str:
    """The newest user text, reminders of Claude Code's own left out."""
    texts = [plain(block["text"]) for block in last_user_blocks(body) if block["type"] == "text"]
    return next((words for words in reversed(texts) if words), "")


REMINDER = re.compile(r"<(system-reminder|system|environment_context)>.*?</\1>", re.DOTALL)


def plain(words: str) -> str:
    """What the user or a tool said, without what a client or a gateway put beside it."""
    return REMINDER.sub("", words).strip()


def tool_results(body: dict[str, Any]) -> list[str]:
    """The texts of the tool results in the newest user message."""
    contents = [
        block.get("content", "") for block in last_user_blocks(body) if block["type"] == "tool_result"
    ]
    return [
        inner if isinstance(inner, str) else "".join(part.get("text", "") for part in inner)
        for inner in contents
    ]


def tool_result(body: dict[str, Any]) -> str | None:
    """The first of them."""
    return next(iter(tool_results(body)), None)


SHELLS = ("Bash", "exec_command", "shell_command", "shell")


def shell_call(command: str, schemas: dict[str, Any], call_id: str = "toolu_01FakeCall") -> Block:
    """A call of the shell tool among `schemas` (parameters by tool name), with the arguments that it takes."""
    name = next((shell for shell in SHELLS if shell in schemas), SHELLS[0])
    properties = schemas.get(name, {}).get("properties", {})
    if "cmd" in properties:
        return tool_use(name, {"cmd": command}, call_id)
    if properties.get("command", {}).get("type") == "array":
        return tool_use(name, {"command": ["bash", "-lc", command]}, call_id)
    return tool_use(name, {"command": command, "description": "Run what was asked"}, call_id)


def said(words: str, results: list[str], schemas: dict[str, Any]) -> list[Block]:
    """What the model says to the newest words, or to the results of its calls."""
    if results:
        return [text("The command said: " + " and ".join(plain(result) for result in results))]
    verb, _, rest = words.partition(" ")
    if verb == "RUN":
        return [text("I run it."), shell_call(rest, schemas)]
    if verb == "BOTH":
        calls = [
            shell_call(command.strip(), schemas, f"toolu_0{number}FakeCall")
            for number, command in enumerate(rest.split("&"), 1)
        ]
        return [text("I run both."), *calls]
    if verb == "THINK":
        return [thinking("Let me see…"), *said(rest, [], schemas)]
    if verb == "SAY":
        return [text(rest)]
    return [text(f"You said: {words}")]


def reply(body: dict[str, Any]) -> list[Block]:
    """What the model says."""
    schemas = {tool["name"]: tool.get("input_schema", {}) for tool in body.get("tools") or []}
    return said(last_text(body).strip(), tool_results(body), schemas)


class Vendor(FakeServer):
    """`credential` is the only one it takes; None takes every one (but exactly one)."""

    def __init__(self, credential: str | None = API_KEY, send_buffer: int | None = None) -> None:
        super().__init__(self.answer, send_buffer)
        self.credential = credential

    def answer(self, seen: Seen) -> Answer:
        if refusal := self._refusal(seen):
            return refusal
        path = seen.path.decode("latin-1")
        if path == "/v1/messages" and seen.method == "POST":
            return self.messages(json.loads(seen.body))
        if path == "/v1/messages/count_tokens" and seen.method == "POST":
            return json_answer({"input_tokens": len(seen.body) // 4})
        if path == "/v1/models" and seen.method == "GET":
            models = [self._model(name) for name in MODELS]
            page = {"data": models, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]}
            return json_answer(page)
        if path.startswith("/v1/models/") and path[11:] in MODELS:
            return json_answer(self._model(path[11:]))
        return error_answer(404, f"Not found: {path}")

    def _refusal(self, seen: Seen) -> Answer | None:
        given = [value.removeprefix(b"Bearer ") for value in seen.all("authorization")] + seen.all(
            "x-api-key"
        )
        if len(given) != 1:
            return error_answer(401, f"{len(given)} credentials where one belongs")
        secret = given[0].decode("latin-1")
        if self.credential is not None and secret != self.credential:
            return error_answer(401, "invalid x-api-key")
        betas = b",".join(seen.all("anthropic-beta")).decode().replace(" ", "").split(",")
        if secret.startswith("sk-ant-oat") and OAUTH_BETA not in betas:
            return error_answer(401, "OAuth authentication is currently not supported.")
        if len(seen.all("anthropic-version")) != 1:
            return error_answer(400, "anthropic-version: header is required")
        return None

    @staticmethod
    def _model(name: str) -> dict[str, Any]:
        return {
            "type": "model",
            "id": name,
            "display_name": name.title(),
            "created_at": "2026-10-01T00:00:00Z",
        }

    @staticmethod
    def messages(body: dict[str, Any]) -> Answer:
        for name in ("model", "max_tokens", "messages"):
            if name not in body:
                return error_answer(400, f"{name}: Field required")
        if wrong := broken_rule(body):
            return error_answer(400, wrong)
        verb, _, rest = last_text(body).strip().partition(" ")
        if verb == "ERROR":
            return error_answer(int(rest))
        blocks = reply(body)
        pause: list[Part] = [float(rest)] if verb == "SLOW" else []
        if not body.get("stream"):
            return json_answer(message(body["model"], *blocks))
        records: list[Part] = list(events(body["model"], *blocks))
        if verb == "OVERLOADED":
            failure = {"type": "overloaded_error", "message": "Overloaded"}
            return stream_answer([*records[:3], event("error", error=failure)])
        return stream_answer([*records[:1], *pause, *records[1:]])


def serve_forever() -> None:
    with Vendor(sys.argv[1] if len(sys.argv) > 1 else None) as vendor:
        print(f"listening on {vendor.url}", flush=True)
        threading.Event().wait()


__all__ = ["SIGNATURE", "Answer", "Gate", "Vendor"]

if __name__ == "__main__":
    serve_forever()
