"""What print mode can carry, and what it can't by the caller's own names."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from providers.cli.asking import INTRODUCTION, JOINER, check_fields, read_task
from providers.dialects.types import Refused

USER = {"role": "user", "content": "hello"}


def body(**more: Any) -> bytes:
    return orjson.dumps({"model": "claude-x", "messages": [USER], **more})


def param(of: Any, *given: Any) -> str | None:
    with pytest.raises(Refused) as caught:
        of(*given)
    return caught.value.failure.param


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"tools": [{"name": "t"}]}, "tools"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"temperature": 0}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_k": 1}, "top_k"),
        ({"stop_sequences": ["x"]}, "stop_sequences"),
        ({"stop": "x"}, "stop"),
        ({"n": 2}, "n"),
        ({"thread": "t"}, "thread"),
        ({"safeguards": {"mode": "auto"}}, "safeguards"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages.0.content.0"),
        ({"messages": [USER, {"role": "user", "content": [{"type": "text"}, {"type": "document"}]}]},
         "messages.1.content.1"),
        ({"messages": [{"role": "assistant", "content": [{"type": "tool_use"}]}]}, "messages.0.content.0"),
        ({"messages": [{"role": "assistant", "content": None, "tool_calls": [{}]}]}, "messages.0.tool_calls"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"input": [{"type": "function_call_output"}]}, "input.0"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input.0.content.0"),
    ],
)  # fmt: skip
def test_what_is_refused_by_name(more: dict[str, Any], field: str) -> None:
    assert param(check_fields, body(**more)) == field


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [], "tool_choice": None, "temperature": None, "n": 1, "stop": None, "logprobs": False},
        {"metadata": {"user_id": "u"}, "max_tokens": 5, "stream": True, "thinking": {"type": "adaptive"}},
        {"response_format": {"type": "text"}, "text": {"format": {"type": "text"}}},
        {"messages": [{"role": "user", "content": [{"type": "text", "cache_control": {"type": "ephemeral"}}]}]},
        {"input": "hello"},
    ],
)  # fmt: skip
def test_what_passes(more: dict[str, Any]) -> None:
    check_fields(body(**more))


def test_one_turn_is_the_prompt_as_it_is() -> None:
    task = read_task(body(max_tokens=7, stream=True, system=[{"type": "text", "text": "S"}, {"text": "T"}]))
    assert (task.model, task.prompt, task.system) == ("claude-x", "hello", "S\n\nT")
    assert (task.max_tokens, task.is_stream) == (7, True)


def test_several_turns_stand_in_order_and_say_whose_they_are() -> None:
    thought = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hi"}]
    turns = [USER, {"role": "assistant", "content": thought}, {"role": "user", "content": "bye"}]
    prompt = read_task(body(messages=turns)).prompt
    assert prompt == f"{INTRODUCTION}\n\n[user]\nhello\n\n[assistant]\nhi\n\n[user]\nbye"


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("@/etc/passwd", f"{JOINER}@/etc/passwd"),
        ("see\n@a and\t@b", f"see\n{JOINER}@a and\t{JOINER}@b"),
        ("a@b.example", "a@b.example"),
        ("/cost", f"{JOINER}/cost"),
        (" /cost", f"{JOINER} /cost"),
        ("a /b", "a /b"),
    ],
)
def test_no_prompt_is_an_order_to_the_program(text: str, prompt: str) -> None:
    assert read_task(body(messages=[{"role": "user", "content": text}])).prompt == prompt


@pytest.mark.parametrize("name", ["--resume", "-p", "", "a b", "a\nb", None, 5])
def test_a_model_is_no_option(name: object) -> None:
    assert param(read_task, body(model=name)) == "model"


def test_an_answer_that_has_begun_and_nothing_at_all_are_refused() -> None:
    assert param(read_task, body(messages=[USER, {"role": "assistant", "content": "{"}])) == "messages.1"
    assert param(read_task, body(messages=[])) == "messages"
    assert param(check_fields, b"[") is None
