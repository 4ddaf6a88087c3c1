"""What is shown of accounts: to `/v1/accounts`, the API, the admin and the command line. No secrets."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from accounts.core import DOWN, PoolCore
from accounts.state import AccountState
from providers.drivers.base import QuotaWindow, Scope
from providers.live import Condition

NONE: Mapping[str, int] = MappingProxyType({})
VENDOR_TERMS = (
    "Anthropic lets subscription logins (Free, Pro, Max) be used with Claude Code and its own apps only, not for other "
    "people's requests, and may enforce that without notice. For anything else use an API key. The gateway never "
    "pretends to be another client."
)
MISLEADING_LIMIT = (
    "A subscription that is used by another client than Claude Code is often refused with a rate-limit error "
    "(429, message “Error”, no time to wait) or with 400 “only authorized for use with Claude Code”. No limit is "
    "reached then and waiting does not help: use an API key for those clients."
)


def accounts_view(pool: PoolCore, include_paths: bool, elsewhere: Mapping[str, int] = NONE) -> dict[str, Any]:
    """The answer of `/v1/accounts`: the reference's keys and more, keys in alphabetical order.

    Every account is listed, a single one too. Without `include_paths` no path of ours is in it.
    `elsewhere`: account → calls that other processes chose it for.
    """
    now = pool.now()
    views = [account_view(state, now, include_paths) for state in pool.states()]
    for view in views:
        view["used"] += elsewhere.get(view["name"], 0)
        view["used_total"] = max(view["used_total"], view["used"])
    return {"accounts": views}


def account_view(state: AccountState, now: float, include_paths: bool) -> dict[str, Any]:
    """One account. Times are Unix seconds."""
    terms, credential = state.terms, state.loaded.credential
    remaining = [rest.until - now for rest in state.rests.entries.values() if rest.is_active(now)]
    view = {
        "absent": terms.is_absent,
        "cooldown_remaining_seconds": int(max(remaining)) if remaining else None,
        "cooldowns": _cooldowns(state, now),
        "expires_at": None if credential is None else credential.expires_at,
        "fingerprint": state.fingerprint or None,
        "healthy": is_healthy(state, now),
        "home": _home(state, include_paths),
        "in_flight": state.in_flight,
        "last_error": _last_error(state, include_paths),
        "max_parallel": terms.max_parallel,
        "name": state.name,
        "needs_login": state.is_dead or state.loaded.is_logged_out,
        "pause_at_percent": terms.pause_at_percent,
        "paused": terms.is_paused,
        "priority": terms.priority,
        "provider": terms.provider,
        "quota": [_window(window) for _, window in sorted(state.windows.items())],
        "request_caps": [{"requests": n, "window_seconds": int(s)} for n, s in terms.request_caps],
        "source": str(terms.source),
        "state": state_word(state, now),
        "used": state.used,
        "used_total": state.used_before + state.used,
        "weight": terms.weight,
    }
    return dict(sorted(view.items()))


def provider_condition(pool: PoolCore, provider: str) -> Condition | None:
    """What keeps calls from the provider; None when nothing does. Accounts that rest are shown as accounts."""
    if (until := pool.shut_until(provider)) is not None:
        return Condition("down", until, DOWN)
    own, now = pool.own_keys().get(provider), pool.now()
    closed = [] if own is None else [rest for rest in own.rests.entries.values() if rest.is_closed(now)]
    if not closed:
        return None
    rest = max(closed, key=lambda one: (one.scope is Scope.ACCOUNT, one.opens_at(now)))
    if rest.scope is Scope.ACCOUNT:
        return Condition("cooling", rest.opens_at(now), rest.reason)
    return Condition("partly-cooling", rest.opens_at(now), f"{rest.scope} {rest.value}: {rest.reason}")


def is_healthy(state: AccountState, now: float) -> bool:
    """Whether the account can serve something now."""
    rest = state.rests.on_account()
    is_resting = rest is not None and rest.is_active(now)
    return state.is_usable and not is_resting and state.rests_for_quota_until(now) is None


def state_word(state: AccountState, now: float) -> str:
    """One word for what the account is doing."""
    if state.terms.is_absent:
        return "absent"
    if state.terms.is_paused:
        return "paused"
    if state.is_dead or state.loaded.is_logged_out:
        return "needs-login"
    if state.loaded.credential is None:
        return "no-credential"
    if state.rests_for_quota_until(now) is not None:
        return "quota-pause"
    rest = state.rests.on_account()
    if rest is not None:
        return "cooling" if rest.is_active(now) else "half-open"
    if any(rest.is_active(now) for rest in state.rests.entries.values()):
        return "partly-cooling"
    if state.loaded.is_expired(now):
        return "expired"
    return "ready"


def _cooldowns(state: AccountState, now: float) -> list[dict[str, Any]]:
    return [
        {
            "needs_operator": rest.needs_operator,
            "reason": rest.reason,
            "remaining_seconds": max(0, int(rest.until - now)),
            "scope": str(rest.scope),
            "state": "cooling" if rest.is_active(now) else "half-open",
            "until": rest.until,
            "value": None if rest.scope is Scope.ACCOUNT else rest.value,
        }
        for rest in sorted(state.rests.entries.values(), key=lambda rest: -rest.until)
    ]


def _window(window: QuotaWindow) -> dict[str, Any]:
    used = window.used_fraction
    return {
        "name": window.name,
        "resets_at": window.resets_at,
        "status": window.status or None,
        "used_percent": None if used is None else round(used * 100, 1),
    }


def _home(state: AccountState, include_paths: bool) -> str | None:
    return state.terms.location if include_paths and state.terms.source == "directory" else None


def _last_error(state: AccountState, include_paths: bool) -> str | None:
    error = state.last_error
    if not include_paths and state.terms.source == "directory" and state.terms.location:
        error = error.replace(state.terms.location, "<home>")
    return error or None
