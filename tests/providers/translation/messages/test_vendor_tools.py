from __future__ import annotations

import pytest

from providers.translation.messages.vendor_tools import as_function


@pytest.mark.parametrize(
    "kind",
    ["custom", "web_search_20250305", "code_execution_20250825", "bash", "bash_2025", "x_bash_20250124"],
)
def test_other_tools_are_none_of_these(kind: str) -> None:
    assert as_function({"type": kind, "name": "x"}) is None


def test_a_screen_says_its_size() -> None:
    tool = {"type": "computer_20250124", "name": "computer", "display_width_px": 8, "display_height_px": 9}
    assert "8 by 9 pixels" in (as_function(tool) or {})["description"]


def test_only_the_older_editors_undo() -> None:
    for date, undoes in (("20241022", True), ("20250124", True), ("20250728", False), ("20991231", False)):
        tool = as_function({"type": f"text_editor_{date}", "name": "e"}) or {}
        assert ("undo_edit" in tool["input_schema"]["properties"]["command"]["enum"]) is undoes
