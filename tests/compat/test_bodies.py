"""Bodies taken apart: what is compared of them, and that a difference is seen where it is."""

from __future__ import annotations

import json

from tests.compat.bodies import parts
from tests.compat.compare import differences

JSON, STREAM = "application/json", "text/event-stream"


def _same(text: str) -> str:
    return text


def _stream(*events: object) -> bytes:
    told = [event if isinstance(event, str) else json.dumps(event) for event in events]
    return "".join(f"data: {one}\n\n" for one in told).encode()


def _chunk(delta: object, **more: object) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "finish_reason": more.pop("finish_reason", None)}
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
        **more,
    }


def test_rows_are_compared_by_name_whatever_their_order() -> None:
    there = parts("body", b'{"data":[{"name":"b","x":1},{"name":"a","x":2}]}', JSON, _same)
    here = parts("body", b'{"data":[{"name":"a","x":2},{"name":"b","x":1},{"name":"a","x":3}]}', JSON, _same)
    assert there["body.data[b#0].x"] == "1"
    assert here == {**there, "body.data[a#1].name": '"a"', "body.data[a#1].x": "3"}


def test_what_has_no_name_is_compared_by_place() -> None:
    assert parts("body", b'[{"id":"<uuid>","x":1},5]', JSON, _same) == {
        "body[0].id": '"<uuid>"', "body[0].x": "1", "body[1]": "5",
    }  # fmt: skip


def test_a_chat_stream_is_what_its_chunks_say_together() -> None:
    call = {"tool_calls": [{"index": 1, "id": "t", "function": {"name": "f", "arguments": '{"a"'}}]}
    more = {"tool_calls": [{"index": 1, "function": {"arguments": ":1}"}}]}
    one = _stream(
        _chunk({"role": "assistant"}), _chunk({"content": "He"}), _chunk({"content": "llo"}), _chunk(call),
        _chunk(more), _chunk({}, finish_reason="stop"), "[DONE]",
    )  # fmt: skip
    told = parts("body", one, STREAM, _same)
    assert told["body text"] == '"Hello"'
    assert told["body call 0.arguments"] == json.dumps('{"a":1}')
    assert told["body places[0]"] == '"1"'
    assert told["body finish[0]"] == '"stop"'
    assert told["body others[0]"] == '"[DONE]"'
    other = _stream(
        _chunk({"content": "Hello", "role": "assistant"}), _chunk({}, finish_reason="stop"), "[DONE]"
    )
    assert parts("body", other, STREAM, _same)["body text"] == told["body text"]


def test_an_error_in_a_chat_stream_and_a_missing_end_are_seen() -> None:
    told = parts("body", _stream(_chunk({"content": "x"}), {"error": {"message": "no"}}), STREAM, _same)
    assert told["body errors[0].message"] == '"no"'
    assert told["body others"] == "[]"


def test_a_responses_stream_is_its_text_its_kinds_and_its_states() -> None:
    told = parts(
        "body",
        _stream(
            {"type": "response.created", "response": {"status": "in_progress"}},
            {"type": "response.output_text.delta", "delta": "a"},
            {"type": "response.output_text.delta", "delta": "b"},
            {"type": "response.completed", "response": {"status": "completed", "output": []}},
        ),
        STREAM,
        _same,
    )
    assert told["body text"] == '"ab"'
    assert told["body kinds.response.output_text.delta"] == '"told"'
    assert "body kinds.response.failed" not in told
    assert (told["body created.status"], told["body completed.status"]) == ('"in_progress"', '"completed"')


def test_metrics_are_compared_sample_by_sample() -> None:
    text = b'# HELP a words\n# TYPE a counter\na{code="200"} 2\nb 1\n'
    assert parts("body", text, "text/plain", _same) == {
        "body # HELP a words": "told", "body # TYPE a counter": "told", 'body a{code="200"}': "2", "body b": "1",
    }  # fmt: skip


def test_statuses_and_calls_that_differ_are_told_with_their_values() -> None:
    title = ("table", "name")
    (told,) = differences(title, {"status": "200", "body": "x"}, {"status": "500", "body": "y"})
    assert told.aspect == "status 200 to 500"
    there = {"status": "200", "upstream calls": "1", "body.a": "1", "body.b": "1"}
    here = {"status": "200", "upstream calls": "2", "body.a": "2", "body.c": "1"}
    found = [one.aspect for one in differences(title, there, here)]
    assert found == ["body.a", "less body.b", "more body.c", "upstream calls 1 to 2"]
