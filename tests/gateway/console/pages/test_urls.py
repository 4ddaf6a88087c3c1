from __future__ import annotations

from typing import Any

from gateway.console.pages.urls import urls


def test_pages_can_be_turned_off(options: Any) -> None:
    assert "console/" in [str(each.pattern) for each in urls()]
    options(DISABLE_CONSOLE=True)
    assert urls() == []
