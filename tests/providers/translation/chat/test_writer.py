from __future__ import annotations

import json
from typing import Any

from providers.dialects.types import Failure, FailureKind, Usage
from providers.translation.chat.writer import ChatHead, ChatWriter, chat_annotation, whole_completion
from providers.translation.common.parts import Outcome, Part, PartKind
from tests.wire.feeding import parsed

HEAD = ChatHead("chatcmpl-1", 7, "m", True, str.upper)
OUTCOME = Outcome("stop", Usage(1, output_tokens=2), 3)


def chunks(*parts: Part, head: ChatHead = HEAD) -> list[Any]:
    writer = ChatWriter(head)
    writer.begin()
    for part in parts:
        writer.open(part)
        for text in part.fragments:
            writer.delta(part, text)
        writer.close(part)
    writer.end(OUTCOME)
    return [data for _, data in parsed(writer.take())]


def deltas(told: list[Any]) -> list[Any]:
    return [data["choices"][0]["delta"] for data in told if data != "[DONE]" and data["choices"]]


def test_every_chunk_is_one_of_the_same_completion() -> None:
    told = chunks(Part(PartKind.TEXT, fragments=["a"]))
    assert told[-1] == "[DONE]"
    assert {(data["id"], data["created"], data["model"], data["object"]) for data in told[:-1]} == {
        ("chatcmpl-1", 7, "m", "chat.completion.chunk")
    }
    assert deltas(told) == [{"role": "assistant", "content": "", "refusal": None}, {"content": "a"}, {}]
    assert [data["usage"] is None for data in told[:-1]] == [True, True, True, False]
    assert told[-2]["choices"] == [] and told[-3]["choices"][0]["finish_reason"] == "stop"


def test_calls_are_counted_on_their_own() -> None:
    told = deltas(
        chunks(
            Part(PartKind.TEXT, fragments=["a"]),
            Part(PartKind.TOOL, "call_1", "f", ["{", "}"]),
            Part(PartKind.TOOL, "call_2", "g"),
            Part(PartKind.CUSTOM, "call_3", "h", ["text"]),
        )
    )
    calls = [delta["tool_calls"][0] for delta in told if "tool_calls" in delta]
    assert calls == [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "F", "arguments": ""}},
        {"index": 0, "function": {"arguments": "{"}},
        {"index": 0, "function": {"arguments": "}"}},
        {"index": 1, "id": "call_2", "type": "function", "function": {"name": "G", "arguments": ""}},
        {"index": 1, "function": {"arguments": "{}"}},
        {"index": 2, "id": "call_3", "type": "custom", "custom": {"name": "H", "input": ""}},
        {"index": 2, "custom": {"input": "text"}},
    ]


def test_reasoning_has_no_place() -> None:
    reasoning = Part(PartKind.REASONING, fragments=["hm"])
    assert b"hm" not in json.dumps(chunks(reasoning)).encode()
    told = json.loads(whole_completion(HEAD, [reasoning], OUTCOME))
    assert told["choices"][0]["message"]["content"] == "" and "hm" not in json.dumps(told)
    assert told["usage"]["completion_tokens_details"]["reasoning_tokens"] == 3


def test_a_whole_answer_with_calls_has_no_text() -> None:
    parts = [Part(PartKind.TOOL, "c", "f"), Part(PartKind.CUSTOM, "d", "g", ["x"])]
    (choice,) = json.loads(whole_completion(HEAD, parts, OUTCOME))["choices"]
    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"] == [
        {"id": "c", "type": "function", "function": {"name": "F", "arguments": "{}"}},
        {"id": "d", "type": "custom", "custom": {"name": "G", "input": "x"}},
    ]


def test_annotations_go_one_level_deeper() -> None:
    note = {"type": "url_citation", "url": "u"}
    assert chat_annotation(note) == {"type": "url_citation", "url_citation": {"url": "u"}}
    assert chat_annotation(chat_annotation(note)) == chat_annotation(note)
    assert chat_annotation({"type": "file_citation"}) == {"type": "file_citation"}
    told = deltas(chunks(Part(PartKind.TEXT, fragments=["a"], annotations=[note])))
    assert {"annotations": [chat_annotation(note)]} in told


def test_an_error_is_the_last_thing_said() -> None:
    writer = ChatWriter(HEAD)
    writer.fail(Failure(FailureKind.TIMEOUT, "late"))
    assert b"[DONE]" not in writer.take() and writer.take() == b"" and writer.ping().startswith(b":")
