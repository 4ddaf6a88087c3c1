from __future__ import annotations

from typing import Any

import pytest

from providers.translation.messages import history


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (
            {"type": "server_tool_use", "name": "web_search", "input": {"query": "x"}},
            '[web_search {"query":"x"}]',
        ),
        (
            {
                "type": "web_search_tool_result",
                "content": [
                    {"type": "web_search_result", "title": "T", "url": "U", "encrypted_content": "E"}
                ],
            },
            "[result: T; U]",
        ),
        ({"type": "code_execution_tool_result", "content": {"stdout": "1", "stderr": ""}}, "[result: 1]"),
        (
            {"type": "web_fetch_tool_result", "content": {"content": {"type": "document"}}},
            "[no readable result]",
        ),
    ],
)
def test_server_tools_of_the_history_are_told_in_text(block: dict[str, Any], text: str) -> None:
    assert history.is_server_tool_block(block["type"]) and history.server_tool_text(block) == text


def test_only_the_client_s_own_results_are_not_server_tools() -> None:
    assert not history.is_server_tool_block("tool_result") and not history.is_server_tool_block("text")


def test_errors_of_tools_are_said() -> None:
    assert history.result_error_text("no", {"is_error": True}) == "Error: no"
    assert history.result_error_text("Error: no", {"is_error": True}) == "Error: no"
    assert history.result_error_text("yes", {}) == "yes"


def test_what_a_compaction_says() -> None:
    assert history.compaction_text({"content": "S"}) == "S"
    assert history.compaction_text({"content": [{"type": "text", "text": "S"}]}) == "S"
    assert history.compaction_text({"content": None}) == ""
