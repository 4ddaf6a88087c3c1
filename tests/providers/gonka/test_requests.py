"""Requests as Gonka's servers take them; nothing else of them changes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.gonka.requests import mended


def text(*words: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": word} for word in words]


def test_text_in_parts_becomes_one_text() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    messages = [
        {"role": "system", "content": text("a", "b")},
        {"role": "user", "content": [*text("look"), image]},
        {"role": "assistant", "content": None, "tool_calls": []},
        {
            "role": "tool",
            "tool_call_id": "c",
            "content": [{**text("42")[0], "cache_control": {"type": "ephemeral"}}],
        },
        {"role": "user", "content": []},
    ]
    out = json.loads(mended(json.dumps({"model": "m", "messages": messages}).encode()))["messages"]
    assert [one["content"] for one in out] == ["a\nb", [*text("look"), image], None, "42", []]


def test_a_function_without_parameters_gets_an_empty_schema() -> None:
    tools = [
        {"type": "function", "function": function}
        for function in ({"name": "f"}, {"name": "g", "parameters": {}})
    ]
    out = json.loads(mended(json.dumps({"tools": tools}).encode()))["tools"]
    assert [one["function"]["parameters"] for one in out] == [{"type": "object", "properties": {}}] * 2


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m",  "messages":[{"role":"user","content":"hi"}], "temperature":1.0}',
        b'{"tools": [ {"type":"function","function":{"name":"f","parameters":{"type":"object"}}} ]}',
        b'{"messages":[{"content": [5]}, {"content": [{"type":"text"}]}, 5], "tools": [{"function": 5}, 5]}',
        b'{"messages":5,"tools":5,"content":[]}',
        b'["content"]',
        b'{"content": [',
    ],
)
def test_other_bodies_keep_every_byte(body: bytes) -> None:
    assert mended(body) is body
