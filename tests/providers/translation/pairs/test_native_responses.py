"""Responses over itself: everything but a compaction passes; compactions: `test_compacting.py`."""

from __future__ import annotations

import json

import pytest

from providers.dialects.types import Call, Target
from providers.translation.pairs.native_responses import NativeResponses
from tests.fakes.sealer import CountedIds, PlainSealer


@pytest.mark.parametrize(
    "given",
    ["hi", [{"type": "compaction_trigger"}, {"role": "user", "content": "x"}], "of a compaction_trigger"],
)
def test_other_calls_pass_byte_by_byte(given: object) -> None:
    made = NativeResponses(CountedIds(), PlainSealer())
    body = json.dumps({"model": "m", "input": given}).encode()
    request = made.request(Call("responses", "POST", b"/v1/responses", b"", (), body), Target(None))
    assert request.body == body and made.is_transparent
    assert made.feed(b"{}") == b"{}" and made.failure is None and made.model is None
