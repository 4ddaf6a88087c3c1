"""Show accounts as people are told of them: their state in words, when they are back, how full their windows are."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from accounts.pool.overview import account_view
from accounts.pool.pool import Pool
from accounts.pool.state import AccountState
from gateway.kernel.moments import end_for_people

WORDS = {
    "cooling": "on cooldown",
    "half-open": "about to be tried again",
    "needs-login": "needs a login",
    "no-credential": "has no credential",
    "partly-cooling": "on cooldown for some models",
    "quota-pause": "paused at its quota",
}


def account_cards(pool: Pool) -> list[dict[str, Any]]:
    """Return accounts as people are shown them, but those that the environment names no longer."""
    now = pool.now()
    return [card(state, now) for state in pool.states() if not state.terms.is_absent]


def card(state: AccountState, now: float, include_paths: bool = False) -> dict[str, Any]:
    """Return one account."""
    view = account_view(state, now, include_paths)
    remaining = view["cooldown_remaining_seconds"]
    windows = [
        {
            "name": window["name"],
            "percent": min(100, round(window["used_percent"])),
            "resets": end_for_people(window["resets_at"], now) if window["resets_at"] else "",
        }
        for window in view["quota"]
        if window.get("used_percent") is not None
    ]
    return {
        **view,
        "cooldowns": [{**one, "left": end_for_people(one["until"], now)} for one in view["cooldowns"]],
        "word": WORDS.get(view["state"], view["state"]),
        "back": "" if remaining is None else end_for_people(now + remaining, now),
        "windows": windows,
        "calls": f"/console/requests/?account={quote(view['name'])}",
        "path": path(view["name"]),
    }


def path(name: str) -> str:
    """Return the page of an account."""
    return f"/console/accounts/{quote(name, safe='')}/"
