"""The translator around those that speak Chat: each surface gets its own form of a call."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from providers.dialects.table import DIALECTS
from providers.dialects.types import Call, Target, WireAnswer
from providers.translation.pairs.table import PAIRS
from providers.xml.translator import XmlTranslator
from tests.providers.xml.test_answers import TEXT, answer, ids, stream

SCHEMA = {"type": "object"}
TOOLS: dict[str, list[dict[str, Any]]] = {
    "anthropic": [{"name": "get", "input_schema": SCHEMA}],
    "openai_chat": [{"type": "function", "function": {"name": "get", "parameters": SCHEMA}}],
    "openai_responses": [{"type": "function", "name": "get", "parameters": SCHEMA}],
}
PATHS = {
    "anthropic": b"/v1/messages",
    "openai_chat": b"/v1/chat/completions",
    "openai_responses": b"/v1/responses",
}


class Nothing:
    prefix = "nothing."

    def seal(self, plain: bytes, context: str) -> str:
        return ""

    def open(self, sealed: str, context: str) -> bytes | None:
        return None


def made(dialect: str, is_stream: bool, **more: Any) -> tuple[XmlTranslator, dict[str, Any]]:
    turns = [{"role": "user", "content": "hi"}]
    asked = {"input": turns} if dialect == "openai_responses" else {"messages": turns, "max_tokens": 9}
    body = orjson.dumps({"model": "m", "stream": is_stream, **asked, **more})
    call = Call("s", "POST", PATHS[dialect], b"", (), body, DIALECTS[dialect].read_call(body))
    translator = XmlTranslator(PAIRS[dialect, "openai_chat"](ids(), 0.0, Nothing()), ids())
    return translator, orjson.loads(translator.request(call, Target("m")).body)


@pytest.mark.parametrize("dialect", PATHS)
@pytest.mark.parametrize("is_stream", [False, True])
def test_a_call_comes_back_as_one(dialect: str, is_stream: bool) -> None:
    translator, sent = made(dialect, is_stream, tools=TOOLS[dialect])
    assert "tools" not in sent and "<tool_call>" in str(sent["messages"][0]["content"])
    if is_stream:
        translator.response(WireAnswer(200, ((b"content-type", b"text/event-stream"),)))
        data = stream(TEXT, 5)
        out = b"".join(translator.feed(data[at : at + 11]) for at in range(0, len(data), 11))
        out += translator.finish()
    else:
        head = (b"content-type", b"application/json")
        body = b"" if translator.is_transparent else answer(TEXT)
        out = translator.response(WireAnswer(200, (head, (b"content-length", b"9")), body)).body
        if translator.is_transparent:
            out = translator.feed(answer(TEXT)) + translator.finish()
    word = {
        "anthropic": b'"tool_use"',
        "openai_chat": b'"tool_calls"',
        "openai_responses": b'"function_call"',
    }
    assert word[dialect] in out and b"tool_call>" not in out
    assert translator.failure is None


def test_without_tools_nothing_is_changed() -> None:
    translator, sent = made("openai_chat", False)
    assert "<tool_call>" not in str(sent)
    translator.response(WireAnswer(200, ((b"content-type", b"application/json"),)))
    assert translator.feed(answer(TEXT)) + translator.finish() == answer(TEXT)
