"""Compaction and counting over both kinds of upstream, streamed and not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.openai_response import Resource
from providers.dialects.openai_responses import INPUT_TOKENS, event_bytes
from providers.dialects.types import (
    Call,
    Failure,
    FailureKind,
    Headers,
    Refused,
    Target,
    Translator,
    WireAnswer,
)
from providers.translation.pairs.table import PAIRS
from providers.translation.responses import compaction
from tests.fakes.sealer import CountedIds, PlainSealer
from tests.wire.feeding import parsed

TRANSLATED = ("anthropic", "openai_chat")
UPSTREAMS = (*TRANSLATED, "openai_responses")
"""Of those that speak Responses themselves, one that knows no compaction."""
USER = {"type": "message", "role": "user", "content": "hello"}
TRIGGER = {"type": "compaction_trigger"}
JSON: Headers = ((b"content-type", b"application/json"),)
STREAM: Headers = ((b"content-type", b"text/event-stream"),)
OUR_TEXT = PlainSealer().seal(b"what was", compaction.CONTEXT)


def made(upstream: str, body: Any, path: bytes = b"/v1/responses") -> tuple[Translator, Any]:
    """Return a translator, and the body that it has sent."""
    translator = PAIRS["openai_responses", upstream](CountedIds(), 7, PlainSealer())
    data = json.dumps({"model": "m", **body}).encode()
    call = Call("responses", "POST", path, b"", (), data)
    return translator, json.loads(translator.request(call, Target("m", max_output_tokens=99)).body)


def native(text: str, **more: Any) -> dict[str, Any]:
    parts = [{"type": "output_text", "text": text, "annotations": []}]
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": parts}
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    usage = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8, **details}
    made = Resource("resp_up", 7, "m").object("completed", [item] if text else [], usage=usage)
    return {**made, **more}


def whole(upstream: str, text: str) -> bytes:
    if upstream == "openai_responses":
        return json.dumps(native(text)).encode()
    if upstream == "anthropic":
        content = [{"type": "text", "text": text}] if text else []
        usage = {"input_tokens": 3, "output_tokens": 5}
        return json.dumps(
            {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": content,
             "stop_reason": "end_turn", "usage": usage}
        ).encode()  # fmt: skip
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    return json.dumps(
        {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}
    ).encode()


def streamed(upstream: str, text: str) -> list[bytes]:
    if upstream == "openai_responses":
        begun = native("", status="in_progress", usage=None)
        told = [("created", begun), ("in_progress", begun), ("completed", native(text))]
        return [
            event_bytes(
                f"response.{name}", {"type": f"response.{name}", "sequence_number": n, "response": one}
            )
            for n, (name, one) in enumerate(told)
        ]
    if upstream == "anthropic":
        begun = {**json.loads(whole(upstream, "")), "usage": {"input_tokens": 3, "output_tokens": 1}}
        delta = {"type": "content_block_delta", "index": 0}
        events: list[Any] = [
            {"type": "message_start", "message": begun},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *({**delta, "delta": {"type": "text_delta", "text": one}} for one in text),
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
            {"type": "message_stop"},
        ]
        return [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events]
    chunks: list[Any] = [
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": one}}]}
        for one in text or [""]
    ]
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    chunks.append(
        {
            "id": "c",
            "model": "m",
            "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
            "usage": usage,
        }
    )
    return [f"data: {json.dumps(one)}\n\n".encode() for one in chunks] + [b"data: [DONE]\n\n"]


def messages(sent: Any) -> str:
    return json.dumps(sent.get("messages") or sent["input"])


def opened(item: Any) -> str:
    assert item["type"] == "compaction" and item["id"].startswith("cmp_")
    plain = PlainSealer().open(item["encrypted_content"], compaction.CONTEXT)
    assert plain is not None
    return plain.decode()


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_a_trigger_is_one_summarising_call_and_one_item(upstream: str) -> None:
    translator, sent = made(upstream, {"input": [USER, TRIGGER], "stream": True})
    assert compaction.INSTRUCTION in messages(sent) and "compaction_trigger" not in messages(sent)
    translator.response(WireAnswer(200, STREAM))
    out = b"".join(translator.feed(one) for one in streamed(upstream, "sum")) + translator.finish()
    events = parsed(out)
    assert [name for name, _ in events] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.output_item.done",
        "response.completed",
    ]  # fmt: skip
    assert [data["sequence_number"] for _, data in events] == [0, 1, 2, 3, 4]
    (item,) = events[-1][1]["response"]["output"]
    assert opened(item) == "sum" and events[3][1]["item"] == item
    assert events[-1][1]["response"]["usage"]["output_tokens"] == 5 == translator.usage.output_tokens


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_not_streamed_too(upstream: str) -> None:
    translator, _ = made(upstream, {"input": [USER, TRIGGER]})
    body = json.loads(translator.response(WireAnswer(200, JSON, whole(upstream, "sum"))).body)
    assert [opened(item) for item in body["output"]] == ["sum"] and body["object"] == "response"


@pytest.mark.parametrize("upstream", TRANSLATED)
def test_a_stream_that_comes_whole_is_replayed(upstream: str) -> None:
    translator, _ = made(upstream, {"input": [USER, TRIGGER], "stream": True})
    out = translator.response(WireAnswer(200, JSON, whole(upstream, "sum"))).body
    assert parsed(out)[-1][0] == "response.completed"


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_the_path_of_its_own_answers_with_an_object_of_its_own(upstream: str) -> None:
    translator, _ = made(
        upstream, {"input": [USER, {"role": "assistant", "content": "hi"}, USER]}, compaction.PATH
    )
    body = json.loads(translator.response(WireAnswer(200, JSON, whole(upstream, "sum"))).body)
    assert (body["object"], body["usage"]["total_tokens"]) == ("response.compaction", 8)
    assert [item["type"] for item in body["output"]] == ["message", "message", "compaction"]
    assert opened(body["output"][-1]) == "sum"


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_what_it_returns_is_understood_again(upstream: str) -> None:
    _, sent = made(upstream, {"input": [{"type": "compaction", "encrypted_content": OUR_TEXT}, USER]})
    assert "what was" in messages(sent) and "hello" in messages(sent)
    own = PAIRS["openai_responses", "openai_responses"](CountedIds(), 7, PlainSealer())
    data = json.dumps(
        {"model": "m", "input": [{"type": "compaction", "encrypted_content": OUR_TEXT}]}
    ).encode()
    call = Call("responses", "POST", b"/v1/responses", b"", (), data)
    assert b"what was" in own.request(call, Target(None)).body
    foreign = data.replace(OUR_TEXT.encode(), b"gAAA")
    assert own.request(Call("responses", "POST", b"/", b"", (), foreign), Target(None)).body == foreign


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("is_stream", [True, False])
def test_an_upstream_that_says_nothing_has_failed(upstream: str, is_stream: bool) -> None:
    translator, _ = made(upstream, {"input": [USER, TRIGGER], "stream": is_stream})
    if not is_stream:
        with pytest.raises(Refused, match="no summary"):
            translator.response(WireAnswer(200, JSON, whole(upstream, "")))
        return
    translator.response(WireAnswer(200, STREAM))
    out = b"".join(map(translator.feed, streamed(upstream, ""))) + translator.finish()
    assert parsed(out)[-1][0] == "response.failed"


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_a_failure_is_told_as_ever(upstream: str) -> None:
    translator, _ = made(upstream, {"input": [USER, TRIGGER], "stream": True})
    out = translator.fail(Failure(FailureKind.UPSTREAM, "cut"))
    assert parsed(out)[-1][0] == "response.failed"
    assert translator.response(WireAnswer(429, JSON, b"{}")).status == 429


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_without_a_model_it_is_refused(upstream: str) -> None:
    with pytest.raises(Refused) as refused:
        made(upstream, {"model": None, "input": [USER]}, compaction.PATH)
    assert refused.value.failure.param == "model"


def test_a_count_is_asked_of_the_vendor() -> None:
    body = {"input": [USER], "instructions": "Be brief.", "temperature": 0.5, "stream": True}
    translator, sent = made("anthropic", body, INPUT_TOKENS)
    assert set(sent) == {"model", "system", "messages"}
    answer = translator.response(WireAnswer(200, JSON, b'{"input_tokens": 42}'))
    assert json.loads(answer.body) == {"object": "response.input_tokens", "input_tokens": 42}
    assert json.loads(translator.response(WireAnswer(400, JSON, b'{"error": {"message": "no"}}')).body)[
        "error"
    ]
    for nonsense in (b"[]", b"{}", b"no"):
        with pytest.raises(Refused):
            translator.response(WireAnswer(200, JSON, nonsense))


@pytest.mark.parametrize("upstream", TRANSLATED)
def test_other_calls_go_straight_to_the_inner_pair(upstream: str) -> None:
    translator, _ = made(upstream, {"input": "hi", "stream": True})
    assert translator.feed.__self__ is not translator  # type: ignore[attr-defined]
    translator.response(WireAnswer(200, STREAM))
    out = b"".join(map(translator.feed, streamed(upstream, "ab"))) + translator.finish()
    assert parsed(out)[-1][1]["response"]["output"][0]["content"][0]["text"] == "ab"
    assert not translator.is_transparent and translator.failure is None and translator.model == "m"
    assert translator.keepalive() == b""


@pytest.mark.parametrize("path", [b"/v1/responses", compaction.PATH])
def test_an_upstream_that_compacts_is_asked_to(path: bytes) -> None:
    translator = PAIRS["openai_responses", "openai_responses"](CountedIds(), 7, PlainSealer())
    body = json.dumps({"model": "m", "input": [USER, TRIGGER]}).encode()
    request = translator.request(Call("responses", "POST", path, b"", (), body), Target(None, compacts=True))
    assert (request.path, request.body, translator.is_transparent) == (path, body, True)


def test_one_that_does_not_is_asked_for_a_summary_at_its_one_path() -> None:
    translator = PAIRS["openai_responses", "openai_responses"](CountedIds(), 7, PlainSealer())
    body = json.dumps({"model": "m", "input": [USER]}).encode()
    request = translator.request(Call("responses", "POST", compaction.PATH, b"", (), body), Target(None))
    assert request.path == b"/v1/responses" and not translator.is_transparent
