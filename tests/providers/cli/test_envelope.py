"""The translator around the others: it refuses by the caller's names and passes all else on."""

from __future__ import annotations

import orjson
import pytest

from providers.cli.envelope import CliEnvelope
from providers.dialects.table import DIALECTS
from providers.dialects.types import Call, Refused, Target, WireAnswer
from providers.translation.pairs.passthrough import Passthrough


def call(**more: object) -> Call:
    body = orjson.dumps({"model": "claude-x", "messages": [{"role": "user", "content": "hi"}], **more})
    fields = DIALECTS["anthropic"].read_call(body)
    return Call("messages", "POST", b"/v1/messages", b"", (), body, fields)


def test_what_can_be_carried_passes() -> None:
    translator = CliEnvelope().wrap(Passthrough())
    assert translator.request(call(), Target("claude-x")).body == call().body
    assert translator.is_transparent and translator.model is None and translator.failure is None
    head = WireAnswer(200, ((b"content-type", b"text/event-stream"),))
    assert translator.response(head) == head
    assert translator.feed(b"event: ping\n\n") == b"event: ping\n\n"
    assert translator.keepalive().startswith(b"event: ping")


def test_what_it_can_t_is_refused_before_anything_is_sent() -> None:
    for more in ({"temperature": 1}, {"model": "--x"}):
        with pytest.raises(Refused):
            CliEnvelope().wrap(Passthrough()).request(call(**more), Target(None))
