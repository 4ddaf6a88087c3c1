"""An estimate of a Messages call's input tokens, for upstreams that don't count. Pure."""

from __future__ import annotations

from typing import Any


def estimate(body: dict[str, Any]) -> int:
    return 1
