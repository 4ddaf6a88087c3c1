from __future__ import annotations

import pytest

from providers.dialects import anthropic_messages as messages
from providers.dialects.anthropic_messages import Ending, StopDetails, refusal_text
from providers.dialects.types import FailureKind, Refused


def test_unknown_events_pass_and_malformed_ones_are_refused() -> None:
    assert messages.read_event(b'{"type":"brand_new","index":"x"}') is None
    assert messages.read_event(b'{"index":{},"type":"brand_new"}') is None
    for data in (b"{", b"", b"[]", b"7", b"{}", b'{"type":"content_block_delta"}', b"\xff"):
        with pytest.raises(Refused) as refused:
            messages.read_event(data)
        assert refused.value.failure.kind is FailureKind.UPSTREAM


def test_unknown_deltas_and_fields_pass() -> None:
    event = messages.read_event(
        b'{"type":"content_block_delta","index":3,"delta":{"type":"new_delta","what":1},"extra":[1]}'
    )
    assert isinstance(event, messages.BlockDelta)
    assert (event.index, event.delta.type, event.delta.text) == (3, "new_delta", None)


def test_the_raw_input_of_a_tool_is_kept() -> None:
    message = messages.read_message(
        b'{"content":[{"type":"tool_use","input":{"n":12345678901234567890123}}]}'
    )
    assert message.content is not None
    assert bytes(message.content[0].input) == b'{"n":12345678901234567890123}'


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"content":5}', b"[" * 100_000])
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        messages.read_message(body)


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b'{"type":"ping"}', "ping"), (b'{ "type" : "a_b" ,', "a_b"), (b'{"a":1,"type":"x"}', "x"), (b"{", "")],
)
def test_event_type(data: bytes, kind: str) -> None:
    assert messages.event_type(data) == kind


def test_words_of_a_refusal() -> None:
    assert refusal_text(Ending("refusal", None, StopDetails("why"))) == "why"
    assert refusal_text(Ending("refusal", None, StopDetails(""))) is None
    assert refusal_text(Ending("end_turn", None, StopDetails("why"))) is None
