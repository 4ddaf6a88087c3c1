from __future__ import annotations

import json

import pytest

from providers.dialects.types import Refused
from providers.dialects.vertex import VertexEnvelope
from tests.providers.translation.exchange import call

PREFIX = b"/v1/projects/p/locations/us-east5/publishers/anthropic/models/"


def test_a_streamed_call() -> None:
    body = {"anthropic_version": "vertex-2023-10-16", "max_tokens": 5, "stream": False, "messages": []}
    told = VertexEnvelope().unwrap(call(body, path=PREFIX + b"claude-sonnet-4-5@20250929:streamRawPredict"))
    assert told.path == b"/v1/messages"
    assert json.loads(told.body) == {
        "model": "claude-sonnet-4-5-20250929",
        "max_tokens": 5,
        "messages": [],
        "stream": True,
    }
    assert told.headers == ((b"anthropic-version", b"2023-06-01"),)
    assert (told.fields.model, told.fields.stream, told.fields.max_tokens) == (
        "claude-sonnet-4-5-20250929",
        True,
        5,
    )


def test_the_path_says_whether_it_streams_and_which_model() -> None:
    body = {"anthropic_version": "2026-10-21", "model": "other", "stream": True}
    headers = ((b"anthropic-beta", b"x"),)
    told = VertexEnvelope().unwrap(call(body, headers, path=PREFIX + b"claude-opus-5:rawPredict"))
    assert json.loads(told.body) == {"model": "claude-opus-5"}
    assert told.headers == ((b"anthropic-beta", b"x"), (b"anthropic-version", b"2026-10-21"))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PREFIX + b"count-tokens:rawPredict", {"model": "claude-opus-5@default", "messages": []}),
        (PREFIX + b"claude-opus-5/count-tokens:rawPredict", {"messages": []}),
    ],
)
def test_counting(path: bytes, body: dict[str, object]) -> None:
    told = VertexEnvelope().unwrap(call(body, path=path))
    assert told.path == b"/v1/messages/count_tokens"
    assert json.loads(told.body) == {"model": "claude-opus-5", "messages": []}


def test_another_path_is_refused() -> None:
    with pytest.raises(Refused):
        VertexEnvelope().unwrap(call({}, path=PREFIX + b"claude-opus-5:predict"))
