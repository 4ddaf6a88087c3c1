from __future__ import annotations

import json
from typing import Any

import pytest

from providers.translation.responses.reasoning import strip_reasoning, strip_seals

USER = {"role": "user", "content": "hi"}


def reasoning(seal: str | None) -> dict[str, Any]:
    return {"type": "reasoning", "summary": [], "encrypted_content": seal}


def body(*items: Any) -> bytes:
    return json.dumps({"model": "m", "input": [USER, *items]}).encode()


def test_our_seals_go_and_others_stay() -> None:
    left = json.loads(strip_seals(body(reasoning("ours:1"), reasoning("x"), USER), "ours:"))
    assert left == {"model": "m", "input": [USER, reasoning("x"), USER]}


def test_all_that_is_sealed_goes() -> None:
    left = json.loads(strip_reasoning(body(reasoning("a"), reasoning(None), {"type": "odd"})))
    assert left["input"] == [USER, reasoning(None), {"type": "odd"}]


@pytest.mark.parametrize(
    "same", [body(), b"encrypted_content", b'{"input": "encrypted_content"}', body(3, "encrypted_content")]
)
def test_what_holds_none_is_the_same_object(same: bytes) -> None:
    assert strip_reasoning(same) is same and strip_seals(same, "encrypted") is same
