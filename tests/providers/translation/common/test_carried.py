from __future__ import annotations

from typing import Any

import pytest

from providers.translation.common.carried import (
    Carried,
    add_details,
    insist_on_reasoning,
    opened,
    reasoning_proof,
    sealed,
)

FULL = Carried(
    "reasoning", "Hm.", [{"type": "reasoning.encrypted", "data": "E"}], {"c1": {"extra_content": {}}}
)


@pytest.mark.parametrize("carried", [Carried("reasoning", "Hm."), FULL, Carried(extras={"c": {"x": 1}})])
@pytest.mark.parametrize("is_whole", [True, False])
def test_what_is_sealed_comes_back(carried: Carried, is_whole: bool) -> None:
    plain = sealed(carried, is_whole=is_whole)
    assert opened(plain, "" if is_whole else carried.text) == carried
    if carried.text and not is_whole:
        assert opened(plain, "another text") is None and b"Hm." not in plain


def test_what_was_not_sealed_is_nothing() -> None:
    assert opened(None, "x") is None and opened(b"other", "x") is None and opened(b"\nmore\n[]", "") is None


def test_the_proof_is_bound_to_field_and_text() -> None:
    proofs = {
        reasoning_proof(name, text) for name in ("reasoning", "reasoning_content") for text in ("a", "b")
    }
    assert len(proofs) == 4 and all(len(proof) < 60 for proof in proofs)


def test_details_without_an_index_stay_apart() -> None:
    known: list[Any] = []
    add_details(known, [{"type": "t", "text": "a"}, {"type": "t", "text": "b"}])
    add_details(known, "odd")
    assert [each["text"] for each in known] == ["a", "b"]


def test_other_turns_that_have_it_make_it_needed() -> None:
    call = [{"id": "c"}]
    messages: list[Any] = [
        {"role": "assistant", "tool_calls": call, "reasoning_content": "Hm."},
        {"role": "assistant", "tool_calls": call},
        {"role": "assistant", "content": "x"},
    ]
    insist_on_reasoning(messages, "some-model")
    assert [one.get("reasoning_content") for one in messages] == ["Hm.", " ", None]
