from __future__ import annotations

from typing import Any

import pytest

from providers.translation.responses.vendor_items import client_text, is_left_out


@pytest.mark.parametrize(
    ("kind", "left_out"),
    [
        ("web_search", True),
        ("web_search_2025_08_26", True),
        ("web_search_preview_2025_03_11", True),
        ("image_generation", True),
        ("mcp", False),
        ("file_search", False),
        (None, False),
        (["web_search"], False),
    ],
)
def test_what_clients_offer_unasked(kind: Any, left_out: bool) -> None:
    assert is_left_out(kind) is left_out


def test_what_the_client_ran() -> None:
    assert (
        client_text({"type": "shell_call", "action": {"commands": ["ls"]}})
        == '[shell_call {"commands":["ls"]}]'
    )
    assert (
        client_text({"type": "apply_patch_call", "operation": {"path": "x"}})
        == '[apply_patch_call {"path":"x"}]'
    )
    assert client_text({"type": "shell_call_output", "output": "ok"}) == "[shell_call_output: ok]"
    screen = {"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": "data:"}}
    assert client_text(screen) == "[computer_call_output: a screenshot]"
