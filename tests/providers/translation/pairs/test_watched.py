from __future__ import annotations

from providers.dialects.types import Failure, FailureKind, Usage
from providers.translation.pairs.watched import MESSAGES


def test_messages_are_read_and_written_in_their_own_dialect() -> None:
    totals = MESSAGES.totals()
    totals.see(
        b"message_start", b'{"type":"message_start","message":{"model":"m","usage":{"input_tokens":3}}}'
    )
    assert (totals.model, totals.usage.input_tokens, totals.is_finished) == ("m", 3, False)
    assert MESSAGES.read_totals(b'{"model":"m","usage":{"input_tokens":3}}') == ("m", Usage(3))
    assert MESSAGES.error_event(totals, Failure(FailureKind.OVERLOADED, "busy")).startswith(b"event: error\n")
