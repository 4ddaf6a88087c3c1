from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from providers.translation.chat.order import in_order

IMAGE = {"type": "image_url", "image_url": {"url": "https://x"}}


def turn(role: str, content: Any = "x") -> dict[str, Any]:
    return {"role": role, "content": content}


def test_openai_s_own_models_take_messages_as_they_come() -> None:
    messages = [turn("user"), turn("system"), turn("system"), turn("user")]
    assert in_order(messages, "gpt-5") is messages


def test_system_messages_at_the_beginning_are_one() -> None:
    assert in_order([turn("system", "a"), turn("system", "b"), turn("user", "c")], "qwen3") == [
        turn("system", "a\n\nb"),
        turn("user", "c"),
    ]


def test_system_messages_in_the_middle_are_the_user_s() -> None:
    assert in_order(
        [turn("system", "a"), turn("user", "b"), turn("system", "c"), turn("assistant", "d")], "qwen3"
    ) == [
        turn("system", "a"),
        turn("user", "b\n\n<system>\nc\n</system>"),
        turn("assistant", "d"),
    ]


def test_images_stay_parts() -> None:
    assert in_order([turn("user", "a"), turn("user", [IMAGE]), turn("user", "")], "qwen3")[0]["content"] == [
        {"type": "text", "text": "a"},
        IMAGE,
    ]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["system", "user", "assistant", "tool"])))
def test_whatever_comes_one_system_message_and_no_user_twice(roles: list[str]) -> None:
    messages = [turn(role, f"<{number}>") for number, role in enumerate(roles)]
    before = [dict(message) for message in messages]
    out = in_order(messages, "qwen3")
    assert messages == before
    told = [message["role"] for message in out]
    assert "system" not in told[1:]
    assert all(not (a == b == "user") for a, b in pairwise(told))
    text = "".join(str(message["content"]) for message in out)
    assert [f"<{number}>" in text for number in range(len(roles))] == [True] * len(roles)
