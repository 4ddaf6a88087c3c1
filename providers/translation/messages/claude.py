"""Traits of a model behind the Messages API, judged by its name.

Pure. Names: `claude-sonnet-4-5-20250929`, `claude-opus-4-7`, `claude-3-7-sonnet-20250219`, with any prefix
(`us.anthropic.claude-…`). A Claude of unknown version counts as the newest; a name without "claude" is
somebody else's model behind the same dialect, and gets what it is sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_NEW_STYLE = re.compile(r"claude-([a-z]+)-(\d{1,2})(?:[.-](\d{1,2}))?(?!\d)")
_OLD_STYLE = re.compile(r"claude-(\d)(?:[.-](\d))?-([a-z]+)")
_NEWEST = (99, 0)


@dataclass(frozen=True, slots=True)
class Traits:
    refuses_sampling: bool = False  # temperature, top_p, top_k are a 400 on every API version
    is_one_sampling: bool = False  # temperature and top_p may not both be present
    has_adaptive_thinking: bool = False  # `thinking: {"type": "adaptive"}` and `output_config.effort`
    has_budget_thinking: bool = True  # `thinking: {"type": "enabled", "budget_tokens": n}`
    has_top_efforts: bool = False  # `xhigh` and `max`
    can_stop_thinking: bool = True  # `thinking: {"type": "disabled"}` is accepted
    safe_output: int = 4096  # tokens that surely may be asked for, where no price row says more


@lru_cache(maxsize=512)
def traits(model: str) -> Traits:
    """Return the traits of a model name.

    Never fails.
    """
    name = model.lower()
    if "claude" not in name:
        return Traits()
    family, version = _family_and_version(name)
    if version < (4, 0):
        return Traits(has_budget_thinking=version >= (3, 7))
    is_newest = version >= ((4, 7) if family == "opus" else (5, 0))
    is_adaptive = is_newest or (version >= (4, 6) and family in ("opus", "sonnet"))
    return Traits(
        refuses_sampling=is_newest,
        is_one_sampling=version >= ((4, 1) if family == "opus" else (4, 5)),
        has_adaptive_thinking=is_adaptive,
        has_budget_thinking=not is_newest,
        has_top_efforts=is_newest,
        can_stop_thinking=family != "fable",
        safe_output=32_000,
    )


def _family_and_version(name: str) -> tuple[str, tuple[int, int]]:
    found = _NEW_STYLE.search(name)
    if found:
        return found[1], (int(found[2]), int(found[3] or 0))
    found = _OLD_STYLE.search(name)
    if found:
        return found[3], (int(found[1]), int(found[2] or 0))
    return "", _NEWEST
