"""Both dialects read one call and one usage alike, each under its own names."""

from __future__ import annotations

import json
from types import ModuleType

import pytest

from providers.dialects import openai_chat, openai_responses
from providers.dialects.openai_fields import (
    OpenAiCall,
    UsageReader,
    count,
    count_or_none,
    member,
    text_or_none,
)
from providers.dialects.types import UNREAD, CallFields, Usage


@pytest.mark.parametrize(
    ("dialect", "input_name", "output_name"),
    [
        (openai_chat, "prompt_tokens", "completion_tokens"),
        (openai_responses, "input_tokens", "output_tokens"),
    ],
    ids=["chat", "responses"],
)
def test_usage_under_either_names(dialect: object, input_name: str, output_name: str) -> None:
    reader = UsageReader(input_name, output_name)
    told = {
        input_name: 100,
        f"{input_name}_details": {"cached_tokens": 60, "cache_write_tokens": 10},
        output_name: 7,
        f"{output_name}_details": {"reasoning_tokens": 5},
    }
    usage = Usage(input_tokens=30, cache_read_tokens=60, cache_write_5m_tokens=10, output_tokens=7)
    body = json.dumps({"model": "m", "usage": told}).encode()
    for read in (reader.usage, dialect.usage_from):  # type: ignore[attr-defined]
        assert read(told) == usage and read(None) is None
    for read in (reader.totals, dialect.read_totals):  # type: ignore[attr-defined]
        assert read(body) == ("m", usage) and read(b"{") == (None, UNREAD)
    for read in (reader.reasoning, dialect.reasoning_tokens):  # type: ignore[attr-defined]
        assert read(told) == 5 and read(None) == 0


def test_a_call_s_fields_and_what_has_another_type() -> None:
    call = OpenAiCall("m", True, "u", "s", "k")
    assert call.fields(5) == CallFields("m", True, 5, "s", "k")
    assert OpenAiCall(1, "yes", "u", None, []).fields(None) == CallFields(user_id="u")


@pytest.mark.parametrize(
    ("odd", "told"),
    [(True, 0), (-3, 0), (2.7, 2), ("4", 4), (None, 0), (6, 6), (float("inf"), 10**12), (float("nan"), 0)],
    ids=str,
)
def test_counts(odd: object, told: int) -> None:
    assert count(odd) == told


@pytest.mark.parametrize(
    ("odd", "told"), [("7", 7), (" 7", 0), ("9" * 19, 0), ("-7", 0), ("7.5", 0), ("", 0)]
)
def test_counts_that_are_written_as_a_text(odd: str, told: int) -> None:
    assert count(odd) == told


@pytest.mark.parametrize("reader", [openai_chat, openai_responses])
def test_usage_by_the_other_api_s_names(reader: ModuleType) -> None:
    for names in (
        ("input_tokens", "output_tokens"),
        ("prompt_tokens", "completion_tokens"),
        ("prompt_eval_count", "eval_count"),
    ):
        found = reader.usage_from({names[0]: 100, names[1]: 7, "input_tokens_details": {"cached_tokens": 60}})
        assert (found.input_tokens, found.cache_read_tokens, found.output_tokens) == (40, 60, 7)


def test_members_of_what_is_no_object() -> None:
    assert member({"a": 1}, "a") == 1 and member([], "a") is None
    assert count_or_none(True) is None and count_or_none(3) == 3
    assert text_or_none(3) is None and text_or_none("x") == "x"


@pytest.mark.parametrize(
    "told",
    [
        {"prompt_tokens_details": {"cached_tokens": 60}},
        {"prompt_cache_hit_tokens": 60, "prompt_cache_miss_tokens": 40},
        {"cached_tokens": 60},
        {"prompt_tokens_details": {"cached_tokens": 60}, "prompt_cache_hit_tokens": 60},
        {"prompt_tokens_details": None, "cached_tokens": 60},
    ],
)
def test_cached_tokens_wherever_they_are_told(told: dict[str, object]) -> None:
    usage = UsageReader("prompt_tokens", "completion_tokens").usage({"prompt_tokens": 100, **told})
    assert usage == Usage(40, cache_read_tokens=60)


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        # reasoning beside the output: xAI tells it, Gemini's total has it
        ({"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 180,
          "completion_tokens_details": {"reasoning_tokens": 30}}, Usage(100, output_tokens=80)),
        ({"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 180}, Usage(100, output_tokens=80)),
        # and within it
        ({"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
          "completion_tokens_details": {"reasoning_tokens": 30}}, Usage(100, output_tokens=50)),
        ({"prompt_tokens": 100, "total_tokens": 150}, Usage(100, output_tokens=50)),
        ({"prompt_tokens": 100, "completion_tokens": -1, "total_tokens": 150}, Usage(100, output_tokens=50)),
        ({"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 9}, Usage(100, output_tokens=50)),
        ({"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": None}, Usage(100, output_tokens=50)),
        # cached tokens beside the input
        ({"input_tokens": 40, "output_tokens": 5, "cache_read_input_tokens": 60}, Usage(40, 60, output_tokens=5)),
        ({"prompt_tokens": 40, "completion_tokens": 5, "cached_tokens": 60, "total_tokens": 105},
         Usage(40, 60, output_tokens=5)),
        ({"prompt_tokens": 100, "completion_tokens": 5, "cache_read_input_tokens": 60, "total_tokens": 105},
         Usage(40, 60, output_tokens=5)),
        # as DashScope tells what it has written to the cache
        ({"prompt_tokens": 100, "completion_tokens": 5,
          "prompt_tokens_details": {"cached_tokens": 20, "cache_creation_input_tokens": 30}},
         Usage(50, 20, 30, output_tokens=5)),
        ({"prompt_tokens": "100.0", "completion_tokens": "5"}, Usage(100, output_tokens=5)),
        ({"total_tokens": 150}, Usage()),
    ],
)  # fmt: skip
def test_counts_that_are_not_all(told: dict[str, object], usage: Usage) -> None:
    assert UsageReader("prompt_tokens", "completion_tokens").usage(told) == usage


@pytest.mark.parametrize(
    ("message", "is_estimated"),
    [({"content": "words"}, True), ({"content": "", "tool_calls": [{}]}, True), ({"content": ""}, False)],
)
def test_a_whole_answer_without_output_is_not_believed_where_there_is_some(
    message: object, is_estimated: bool
) -> None:
    told = {"model": "m", "choices": [{"message": message}], "usage": {"prompt_tokens": 9}}
    read = UsageReader("prompt_tokens", "completion_tokens").totals(json.dumps(told).encode())
    assert read == ("m", Usage(9, is_estimated=is_estimated))
