"""What answers make that their upstream keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.made import by_messages, by_responses, left_by
from providers.dialects.types import Made


def messages(told: Any) -> list[tuple[str, str]]:
    return [(one.kind, one.id) for one in by_messages(json.dumps(told).encode())]


OUTPUT = {"type": "bash_code_execution_output", "file_id": "file_1"}
RESULT = {"type": "bash_code_execution_tool_result", "content": {"type": "x", "content": [OUTPUT]}}


def test_containers_and_files_of_messages() -> None:
    container = {"container": {"id": "container_1", "expires_at": "2026-12-01T00:00:00Z"}}
    assert messages({"content": [RESULT], **container}) == [("container", "container_1"), ("file", "file_1")]
    assert messages({"type": "message_delta", "delta": container}) == [("container", "container_1")]
    assert messages({"type": "message_start", "message": container}) == [("container", "container_1")]
    assert messages({"type": "content_block_start", "content_block": RESULT}) == [("file", "file_1")]


@pytest.mark.parametrize(
    "told",
    [
        {"content": [{"type": "tool_use", "input": {"file_id": "file_1", "container": {"id": "c"}}}]},
        {"content": [{"type": "text", "text": "x", "citations": [{"file_id": "file_1"}]}]},
        {"content": [{"type": "tool_result", "content": [OUTPUT]}]},
        {"container": None, "content": "x"},
        [],
    ],
)
def test_what_only_looks_like_it_is_none(told: Any) -> None:
    assert messages(told) == []


def responses(**more: Any) -> list[str]:
    told = {
        "id": "resp_1",
        "status": "completed",
        "output": [{"type": "reasoning", "id": "rs_1"}, {"id": 5}, 7],
        **more,
    }
    return [one.id for one in by_responses(json.dumps(told).encode())]


def test_stored_responses() -> None:
    assert responses() == ["resp_1", "rs_1"]
    assert responses(output=None) == ["resp_1"]
    assert responses(store=False) == responses(id=None) == responses(status="failed") == []
    assert by_responses(b"no") == by_messages(b"no") == []


@pytest.mark.parametrize("store", [None, True, False])
def test_containers_of_a_responses_answer(store: bool | None) -> None:
    output = [
        {"type": "code_interpreter_call", "id": "ci_1", "container_id": "cntr_1"},
        {"type": "shell_call", "environment": {"type": "container_reference", "container_id": "cntr_2"}},
        {"type": "code_interpreter_call", "container_id": "cntr_1"},
        {"type": "message", "container_id": 5},
    ]
    made = left_by({"id": "resp_1", "store": store, "output": output})
    kept = [] if store is False else [Made("response", "resp_1"), Made("item", "ci_1")]
    assert made == [*kept, Made("container", "cntr_1"), Made("container", "cntr_2")]
