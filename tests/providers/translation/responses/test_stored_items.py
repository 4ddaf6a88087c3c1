from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.types import FailureKind, Refused
from providers.translation.responses import stored_items
from tests.providers.translation.exchange import answered, make, sent
from tests.wire import feeding
from tests.wire.messages import whole_message


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"input": "hi"}, stored_items.References()),
        (
            {"input": "hi", "previous_response_id": "r", "store": False},
            stored_items.References("r"),
        ),
        (
            {"input": [{"role": "user", "content": "x"}, {"type": "item_reference", "id": "a"}, {"id": "b"}]},
            stored_items.References(None, ("a", "b")),
        ),
        (
            {"input": [{"type": "message", "id": "m", "role": "user"}], "store": None},
            stored_items.References(),
        ),
        ({"input": [5]}, stored_items.References()),
        ([], stored_items.References()),
    ],
)
def test_references(body: Any, expected: stored_items.References) -> None:
    assert stored_items.references(encoded(body)) == expected


@pytest.mark.parametrize(
    ("body", "is_stored"),
    [
        (b'{"input":"x"}', True),
        (b'{"input":"x","store":null}', True),
        (b'{"input":"x","store":false}', False),
        (b'{"st\\u006fre":false,"input":[{"type":"message","store":true}]}', False),
        (b'{"store":"no"}', True),
        (b"[]", True),
    ],
)
def test_store_false_keeps_nothing(body: bytes, is_stored: bool) -> None:
    assert stored_items.is_to_be_stored(body) is is_stored


def test_a_conversation_goes_on_without_being_repeated() -> None:
    cases = feeding.cases("anthropic")
    first = {"model": "gpt-x", "input": "What is the weather?", "stream": True}
    stream = feeding.fed(make("openai_responses", first), [feeding.sse_bytes(cases["tool"])])
    watched = stored_items.FinalResponse()
    for at in range(len(stream)):
        watched.see(stream[at : at + 1])
    response = watched.response
    assert response is not None
    assert stored_items.response_id(response) == "resp_1"
    stored = stored_items.conversation(encoded(first), response)
    output = {"type": "function_call_output", "call_id": "toolu_1", "output": "rain"}
    body = encoded({"model": "gpt-x", "previous_response_id": "resp_1", "input": [output]})
    expanded = stored_items.expanded(body, stored, {})
    told = sent("openai_responses", expanded)["messages"]
    assert [message["role"] for message in told] == ["user", "assistant", "user"]
    assert told[0]["content"] == "What is the weather?"
    assert told[2]["content"][0]["tool_use_id"] == "toolu_1"


def test_items_by_reference() -> None:
    cases = feeding.cases("anthropic")
    answer = answered(
        make("openai_responses", {"model": "m", "input": "hi"}), whole_message(cases["thinking"])
    )
    items = stored_items.output_items(answer.body)
    assert set(items) == {"rs_2", "rs_3", "msg_4"}
    body = {
        "model": "m",
        "input": [
            {"role": "user", "content": "hi"},
            *({"type": "item_reference", "id": each} for each in items),
        ],
    }
    told = sent("openai_responses", stored_items.expanded(encoded(body), None, items))
    assert [block["type"] for block in told["messages"][1]["content"]] == [
        "thinking",
        "redacted_thinking",
        "text",
    ]


def test_an_unknown_item_is_named() -> None:
    with pytest.raises(Refused) as refused:
        stored_items.expanded(encoded({"input": [{"type": "item_reference", "id": "gone"}]}), None, {})
    assert refused.value.failure.kind is FailureKind.NOT_FOUND
    assert "gone" in refused.value.failure.message


def test_a_failed_stream_leaves_nothing_to_store() -> None:
    made = make("openai_responses", {"model": "m", "input": "hi", "stream": True})
    watched = stored_items.FinalResponse()
    watched.see(made.feed(feeding.sse_bytes(feeding.cases("anthropic")["error_later"])))
    assert watched.response is None
