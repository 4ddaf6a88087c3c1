# ruff: noqa: E501 - a case is a line

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.types import Call, Target, WireAnswer
from providers.translation.pairs.passthrough import Passthrough
from tests.fakes.sealer import CountedIds, PlainSealer
from tests.providers.translation.making import translator

JSON = ((b"content-type", b"application/json"), (b"content-length", b"1"))
GLM = {"type": "error", "error": {"type": "1261", "message": "Prompt exceeds max length"}, "request_id": "r"}
VLLM = {"object": "error", "message": "This model's maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens.", "code": 400}  # fmt: skip


def made_for(dialect: str) -> Any:
    return translator(dialect, dialect, CountedIds(), 0.0, PlainSealer())


def refused(made: Any, body: Any, status: int = 400) -> WireAnswer:
    made.request(Call("any", "POST", b"/v1/x", b"", (), b"{}"), Target("m"))
    answer: WireAnswer = made.response(WireAnswer(status, JSON, json.dumps(body).encode()))
    return answer


@pytest.mark.parametrize(
    ("body", "status"), [(GLM, 400), (GLM, 500), (VLLM, 400), ({"detail": VLLM["message"]}, 422)]
)
def test_claude_code_is_told_so_that_it_compacts(body: Any, status: int) -> None:
    answer = refused(Passthrough(), body, status)
    told = json.loads(answer.body)
    assert (
        answer.status == 400 and told["type"] == "error" and told["error"]["type"] == "invalid_request_error"
    )
    assert told["error"]["message"].startswith("prompt is too long: ")
    assert all(name != b"content-length" for name, _ in answer.headers)
    assert told.get("request_id") == body.get("request_id")


@pytest.mark.parametrize("kind", ["openai_chat", "openai_responses"])
@pytest.mark.parametrize(
    "body", [VLLM, {"error": {"message": VLLM["message"], "type": "x", "code": "3051", "extra": 1}}]
)
def test_openai_s_clients_are_told_by_the_code(kind: str, body: Any) -> None:
    told = json.loads(refused(made_for(kind), body).body)
    assert told["error"]["code"] == "context_length_exceeded" and told["error"]["message"] == VLLM["message"]
    if "error" in body:
        assert told["error"]["extra"] == 1


OWN: list[tuple[str, Any]] = [
    ("anthropic", {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"}}),
    ("anthropic", {"type": "error", "error": {"type": "invalid_request_error", "message": "input length and `max_tokens` exceed context limit: 9 + 9 > 8, decrease input length or `max_tokens` and try again"}}),
    ("anthropic", {"type": "error", "error": {"type": "rate_limit_error", "message": "token limit per minute exceeded"}}),
    ("openai_chat", {"error": {"message": "too long", "code": "context_length_exceeded"}}),
    ("openai_chat", {"error": {"message": "no such model", "code": "model_not_found"}}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "body"), OWN)
def test_all_else_passes_word_for_word(kind: str, body: Any) -> None:
    answer = refused(made_for(kind), body)
    assert answer.body == json.dumps(body).encode() and answer.headers == JSON and answer.status == 400


def test_what_is_compressed_passes() -> None:
    made = Passthrough()
    made.request(Call("any", "POST", b"/v1/x", b"", (), b"{}"), Target("m"))
    packed = WireAnswer(400, (*JSON, (b"content-encoding", b"gzip")), b"\x1f\x8b")
    assert made.response(packed) is packed
