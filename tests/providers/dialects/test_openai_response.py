from __future__ import annotations

from typing import Any

import pytest
from openai.types.responses import Response

from providers.dialects.openai_response import FIXED, REPEATED, Resource, repeated

KEYS = (
    "id object created_at completed_at status incomplete_details model previous_response_id instructions output error"
    " tools tool_choice truncation parallel_tool_calls text top_p presence_penalty frequency_penalty top_logprobs"
    " temperature reasoning usage max_output_tokens max_tool_calls store background service_tier metadata"
    " safety_identifier prompt_cache_key"
)
"""What strict clients miss when it is not there."""


def test_every_key_is_there_in_every_state() -> None:
    for status in ("in_progress", "completed", "incomplete", "failed"):
        made = Resource("resp_1", 7, "m").object(status, [])
        assert set(KEYS.split()) <= set(made)
        assert made["status"] == status
        Response.model_validate(made)


def test_numbers_stand_where_numbers_are_meant() -> None:
    made = Resource("resp_1", 7, "m", repeated({"temperature": None, "top_p": None})).object("completed", [])
    for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty", "top_logprobs"):
        assert isinstance(made[name], int | float), name


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"temperature": 0.3, "top_p": 0.5}, {"temperature": 0.3, "top_p": 0.5}),
        ({"temperature": "hot", "store": "no", "tools": {}}, {"temperature": 1.0, "store": True, "tools": []}),
        ({"store": False, "parallel_tool_calls": False}, {"store": False, "parallel_tool_calls": False}),
        ({"reasoning": {"effort": "low"}}, {"reasoning": {"effort": "low", "summary": None}}),
        ({"text": {"verbosity": "low"}}, {"text": {"format": {"type": "text"}, "verbosity": "low"}}),
        ({"text": {"format": None}}, {"text": {"format": {"type": "text"}}}),
        (
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}},
            {
                "text": {
                    "format": {
                        "type": "json_schema", "name": "n", "schema": {}, "description": None, "strict": False
                    }
                }
            },
        ),
        (
            {"tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}, 1]},
            {
                "tools": [
                    {"type": "function", "name": "f", "description": None, "parameters": None, "strict": None},
                    {"type": "custom", "name": "c"},
                    1,
                ]
            },
        ),
        ({"tool_choice": 7, "metadata": {"a": "b"}}, {"tool_choice": "auto", "metadata": {"a": "b"}}),
        ({"service_tier": "flex", "unknown": 2}, {}),
    ],
)  # fmt: skip
def test_the_request_is_repeated_in_its_whole_form(given: dict[str, Any], told: dict[str, Any]) -> None:
    assert repeated(given) == {**repeated({}), **told}


def test_the_defaults_are_nobody_s_to_change() -> None:
    before = {name: str(default) for name, (default, _) in REPEATED.items()}
    repeated({"metadata": {"a": 1}, "reasoning": {"effort": "low"}, "text": {"verbosity": "low"}})
    assert {name: str(default) for name, (default, _) in REPEATED.items()} == before
    assert not set(FIXED) & set(REPEATED)
