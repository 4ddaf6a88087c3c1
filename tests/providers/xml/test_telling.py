"""Tools, calls and results as text: order, choices, and what is left alone."""

from __future__ import annotations

from typing import Any

import orjson

from providers.xml.telling import MUST, MUST_ONE, ONE_AT_A_TIME, Told, told

TOOL = {
    "type": "function",
    "function": {"name": "get", "description": "gets", "parameters": {"type": "object"}},
}
USER = {"role": "user", "content": "hi"}


def tell(**fields: Any) -> tuple[dict[str, Any], frozenset[str]]:
    found = told(orjson.dumps({"model": "m", "messages": [USER], **fields}))
    assert isinstance(found, Told)
    document = orjson.loads(found.body)
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(document)
    return document, found.names


def call(own: str, arguments: str = "{}") -> dict[str, Any]:
    return {"id": own, "type": "function", "function": {"name": "get", "arguments": arguments}}


def test_tools_are_told_in_the_system_text() -> None:
    document, names = tell(tools=[TOOL])
    system, user = document["messages"]
    assert (system["role"], user, names) == ("system", USER, {"get"})
    for words in ('"get"', '"gets"', '"type":"object"', "<tool_call>", "<tool_response>"):
        assert words in system["content"]
    for content in ("be kind", [{"type": "text", "text": "be kind"}]):
        first, *others = tell(tools=[TOOL], messages=[{"role": "system", "content": content}, USER])[0][
            "messages"
        ]
        assert (
            "be kind" in str(first["content"]) and "<tool_call>" in str(first["content"]) and others == [USER]
        )


def test_choices() -> None:
    def system(**fields: Any) -> str:
        return str(tell(tools=[TOOL], **fields)[0]["messages"][0]["content"])

    assert MUST in system(tool_choice="required") and MUST not in system(tool_choice="auto")
    one = {"type": "function", "function": {"name": "get"}}
    assert MUST_ONE.replace("{name}", "get") in system(tool_choice=one)
    assert ONE_AT_A_TIME in system(parallel_tool_calls=False)
    document, names = tell(tools=[TOOL], tool_choice="none")
    assert (document["messages"], names) == ([USER], frozenset())


def test_calls_and_results_become_text_in_the_order_of_the_calls() -> None:
    called = {
        "role": "assistant",
        "content": "see",
        "tool_calls": [call("a", '{"x": 1}'), call("b", "broken")],
    }
    results = [
        {
            "role": "tool",
            "tool_call_id": "b",
            "content": [{"type": "text", "text": "B"}, {"type": "image_url"}],
        },
        {"role": "tool", "tool_call_id": "a", "content": "A"},
    ]
    document, names = tell(messages=[USER, called, *results, USER])
    assert names == frozenset()
    _, assistant, told_results, last = document["messages"]
    assert assistant["content"].split("\n") == [
        "see",
        '<tool_call>{"name":"get","arguments":{"x":1}}</tool_call>',
        '<tool_call>{"name":"get","arguments":{"arguments":"broken"}}</tool_call>',
    ]
    assert "tool_calls" not in assistant
    text, image = told_results["content"]
    assert text["text"] == "<tool_response>\nA\n</tool_response>\n<tool_response>\nB\n</tool_response>"
    assert (image, last) == ({"type": "image_url"}, USER)


def test_what_has_no_tools_is_left_alone() -> None:
    for body in (
        b"no json",
        b"[]",
        b"{}",
        orjson.dumps({"messages": [USER]}),
        b'{"messages": [1], "tools": 5}',
    ):
        assert told(body) is None
