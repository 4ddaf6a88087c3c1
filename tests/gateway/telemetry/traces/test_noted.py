"""What is noted of a call for its trace, and what never is."""

from __future__ import annotations

import pytest

from gateway.telemetry.traces.noted import KEPT_BYTES, FinishTap
from providers.dialects.types import WireAnswer
from tests.gateway.relay.scripted import CHAT_ANSWER, DELTA, FINISHED, STARTED, answer


async def looked(*pieces: bytes) -> list[str]:
    tap = FinishTap()
    for piece in pieces:
        await tap.fed(piece)
    return list(tap.reasons)


async def test_a_streams_end_is_found_in_any_split() -> None:
    whole = STARTED + DELTA * 20 + FINISHED
    assert await looked(whole) == ["end_turn"]
    assert await looked(*(whole[at : at + 1] for at in range(len(whole)))) == ["end_turn"]
    assert len(whole) > KEPT_BYTES


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        (b"".join(answer(body=CHAT_ANSWER).stream.chunks), ["stop"]),  # type: ignore[union-attr]
        (b'{"id":"r","object":"response","created_at":1,"status":"completed","output":[]}', ["completed"]),
        (
            b'{"choices":[{"finish_reason":"tool_calls"},{"finish_reason":"length"}]}',
            ["tool_calls", "length"],
        ),
        (b'{"stop_reason":null}', []),
    ],
)
async def test_whole_answers_say_why_they_ended(body: bytes, reasons: list[str]) -> None:
    tap = FinishTap()
    await tap.answered(WireAnswer(200, (), body))
    assert list(tap.reasons) == reasons


async def test_no_word_of_a_text_is_taken_for_a_reason() -> None:
    text = rb'{"content":[{"text":"say \"stop_reason\":\"end_turn\""},{"input":{"stop_reason":"CANARY"}}]}'
    assert await looked(text) == []
