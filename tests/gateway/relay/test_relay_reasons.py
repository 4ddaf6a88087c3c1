"""Why an upstream refused a call is in its record, in whatever shape it was told, and in the caller's dialect."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.exchange.surfaces import Match, Table
from gateway.relay.errors import failure_in
from providers.catalog.records import RouteRecord
from providers.dialects.types import FailureKind, WireAnswer
from tests.gateway.relay.building import OPENAI, bench
from tests.gateway.relay.scripted import ASK, Script, answer, refusal

SHAPES: list[Any] = [
    {"error": {"message": "bad thing"}},
    [{"error": {"message": "bad thing"}}],
    {"detail": "bad thing"},
    {"errors": [{"message": "bad thing"}]},
    {"error_msg": "bad thing"},
    {"object": "error", "message": "bad thing"},
    b"bad thing",
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("surface", ["messages", "responses", "chat_completions"])
async def test_the_upstream_s_words(surface: str, shape: Any) -> None:
    record = replace(OPENAI, responses="translate")
    made = bench(
        Script(answer(400, shape)), providers=[record], routes=[RouteRecord("claude-x", (("other", ""),))]
    )
    body = {**ASK, "input": "hi"} if surface == "responses" else ASK
    exchange = await made.call(body, surface=surface)
    assert made.status == 400 and b"bad thing" in made.body
    assert exchange.failure_message == "invalid_request_error: bad thing"


async def test_anthropic_s_own_pass_and_are_noted() -> None:
    made = bench(Script(refusal(400, "invalid_request_error", "max_tokens: is required")))
    exchange = await made.call()
    assert json.loads(made.body)["error"]["message"] == "max_tokens: is required"
    assert exchange.failure_message == "invalid_request_error: max_tokens: is required"


def test_words_are_bounded_and_in_the_dialect() -> None:
    body = json.dumps({"error": {"type": "overloaded_error", "message": "busy"}}).encode()
    told = failure_in(WireAnswer(529, (), body), "anthropic")
    assert told.kind is FailureKind.OVERLOADED and told.message == "busy"


FILES = Table((), ("/v1/files*",))


@pytest.mark.parametrize(
    ("headers", "is_openai"),
    [
        ({"user_agent": "OpenAI/Python 3.57"}, True),
        ({"user_agent": "AsyncOpenAI/Python 3.57"}, True),
        ({"openai_organization": "o"}, True),
        ({"user_agent": "Anthropic/Python 2.14", "anthropic_version": "2023-06-01"}, False),
        ({"user_agent": "curl/8"}, False),
        ({"user_agent": "OpenAI/Python 3.57", "anthropic_version": "2023-06-01"}, False),
    ],
)
async def test_whose_files_are_asked_for(headers: dict[str, str], is_openai: bool) -> None:
    made = bench(Script(*([] if is_openai else [answer(200, {"data": []})])))
    match = FILES.match("GET", b"/v1/files")
    assert isinstance(match, Match)
    await made.call(b"{}", row=match.surface, path=b"/v1/files", **headers)
    assert made.status == (404 if is_openai else 200)
    if is_openai:
        assert json.loads(made.body)["error"]["type"] == "invalid_request_error" and "type" not in json.loads(
            made.body
        )
