from __future__ import annotations

import json

import pytest

from providers.crater import completion
from providers.crater.envelope import CraterEnvelope
from providers.crater.task import TaskFailed
from providers.dialects.types import Failure, FailureKind, Translator, WireAnswer
from tests.providers.translation.exchange import make

JSON = ((b"content-type", b"application/json"),)
SURFACES = ("anthropic", "openai_chat", "openai_responses")


BODIES = {
    "anthropic": {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "x"}],
        "stream": True,
    },
    "openai_chat": {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True},
    "openai_responses": {"model": "m", "input": "x", "stream": True},
}


def wrapped(surface: str) -> Translator:
    """Return a translator that has sent its request."""
    return CraterEnvelope().wrap(make(surface, BODIES[surface], "openai_chat", "m"))


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("status", [502, 504])
def test_an_error_has_its_surfaces_form_and_the_same_words(surface: str, status: int):
    body = completion.error(TaskFailed(status, "task x did not resolve"))
    told = wrapped(surface).response(WireAnswer(status, JSON, body))
    document = json.loads(told.body)
    assert told.status == status
    if surface == "anthropic":
        assert document["type"] == "error"
        assert document["error"] == {"type": "api_error", "message": "task x did not resolve"}
    else:
        assert document == {"error": {"type": "forgefed_task_error", "message": "task x did not resolve"}}


def test_a_bad_request_of_messages_keeps_its_own_type():
    body = completion.error(TaskFailed(400, "model is required"))
    told = json.loads(wrapped("anthropic").response(WireAnswer(400, JSON, body)).body)
    assert told["error"] == {"type": "invalid_request_error", "message": "model is required"}


@pytest.mark.parametrize("surface", SURFACES)
def test_a_stream_that_has_begun_ends_in_its_surfaces_form(surface: str):
    ended = wrapped(surface).fail(Failure(FailureKind.TIMEOUT, "late")).decode()
    if surface == "anthropic":
        assert (
            ended == 'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"late"}}\n\n'
        )
        return
    frame = 'data: {"error":{"message":"late","type":"forgefed_task_error"}}\n\ndata: [DONE]\n\n'
    assert ended.endswith(frame)
    assert (surface == "openai_responses") is ("response.failed" in ended)
