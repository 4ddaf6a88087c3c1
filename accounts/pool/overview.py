"""Views of accounts for `/v1/accounts`, the API, the admin and the command line. No secrets."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from accounts.pool.exhaustion import DOWN
from accounts.pool.pool import Pool
from accounts.pool.state import AccountState
from providers.catalog.live import ProviderStatus
from providers.drivers.base import QuotaWindow, Scope

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


def accounts_view(pool: Pool, include_paths: bool, elsewhere: Mapping[str, int] = NONE) -> dict[str, Any]:
    """Build the answer of `/v1/accounts`: the reference's keys and more, keys in alphabetical order.

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
    """Build the view of one account. Times are Unix seconds."""
    terms, credential = state.terms, state.loaded.credential
    remaining = [
        cooldown.until - now for cooldown in state.cooldowns.entries.values() if cooldown.is_active(now)
    ]
    view = {
        "absent": terms.is_absent,
        "cooldown_remaining_seconds": int(max(remaining)) if remaining else None,
        "cooldowns": _cooldowns(state, now),
        "expires_at": None if credential is None else credential.expires_at,
        "fingerprint": state.fingerprint or None,
        "healthy": is_healthy(state, now) and not remaining,  # as the reference: no cooldown of any scope
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
        "region": terms.region or None,
        "state": state_word(state, now),
        "used": state.used,
        "used_total": state.used_before + state.used,
        "weight": terms.weight,
    }
    return dict(sorted(view.items()))


def provider_status(pool: Pool, provider: str) -> ProviderStatus | None:
    """Return what keeps calls from the provider; None when nothing does.

    Cooldowns are shown with their accounts.
    """
    if (until := pool.shut_until(provider)) is not None:
        return ProviderStatus("down", until, DOWN)
    own, now = pool.own_keys().get(provider), pool.now()
    closed = (
        []
        if own is None
        else [cooldown for cooldown in own.cooldowns.entries.values() if cooldown.is_closed(now)]
    )
    if not closed:
        return None
    cooldown = max(closed, key=lambda one: (one.scope is Scope.ACCOUNT, one.opens_at(now)))
    if cooldown.scope is Scope.ACCOUNT:
        return ProviderStatus("cooling", cooldown.opens_at(now), cooldown.reason)
    reason = f"{cooldown.scope} {cooldown.value}: {cooldown.reason}"
    return ProviderStatus("partly-cooling", cooldown.opens_at(now), reason)


def is_healthy(state: AccountState, now: float) -> bool:
    """Tell whether the account can serve something now."""
    cooldown = state.cooldowns.on_account()
    is_cooling_down = cooldown is not None and cooldown.is_active(now)
    return state.is_usable and not is_cooling_down and state.quota_cooldown_until(now) is None


def state_word(state: AccountState, now: float) -> str:
    """Return one word for what the account is doing."""
    if state.terms.is_absent:
        return "absent"
    if state.terms.is_paused:
        return "paused"
    if state.is_dead or state.loaded.is_logged_out:
        return "needs-login"
    if state.loaded.credential is None:
        return "no-credential"
    if state.quota_cooldown_until(now) is not None:
        return "quota-pause"
    cooldown = state.cooldowns.on_account()
    if cooldown is not None:
        return "cooling" if cooldown.is_active(now) else "half-open"
    if any(cooldown.is_active(now) for cooldown in state.cooldowns.entries.values()):
        return "partly-cooling"
    if state.loaded.is_expired(now):
        return "expired"
    return "ready"


def _cooldowns(state: AccountState, now: float) -> list[dict[str, Any]]:
    return [
        {
            "needs_operator": cooldown.needs_operator,
            "reason": cooldown.reason,
            "remaining_seconds": max(0, int(cooldown.until - now)),
            "scope": str(cooldown.scope),
            "state": "cooling" if cooldown.is_active(now) else "half-open",
            "until": cooldown.until,
            "value": None if cooldown.scope is Scope.ACCOUNT else cooldown.value,
        }
        for cooldown in sorted(state.cooldowns.entries.values(), key=lambda cooldown: -cooldown.until)
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
