"""See what is out: accounts and providers of the running pool, the disk, tokens that expire. Synchronous."""

from __future__ import annotations

import math
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from django.conf import settings

from accounts.pool.overview import is_healthy, provider_status
from accounts.pool.pool import Pool
from accounts.pool.state import AccountState
from gateway.alerts.models import AlertEvent
from gateway.alerts.seen import Rule, Seen
from tokens.models import Token

SHORT_SECONDS = 300.0
"""Cooldowns up to this length are guesses: their end alone does not say that an account serves again."""
PROVING_SECONDS = 60.0
MOST_TOKENS = 1_000
DAY_SECONDS = 86_400


def out(pool: Pool) -> Iterator[Seen]:
    """Yield accounts and providers that are out, and accounts that need a login."""
    now = pool.now()
    by_provider: dict[str, list[bool]] = {}
    for state in pool.states():
        if state.terms.is_absent or state.terms.is_paused or _is_idle(state):
            continue
        seen = _account(state, now)
        by_provider.setdefault(state.terms.provider, []).append(seen is None and is_healthy(state, now))
        if seen is not None:
            yield seen
    own = pool.own_keys()
    for provider, state in own.items():
        if (seen := _account(state, now)) is not None:
            yield seen
            by_provider.setdefault(provider, []).append(False)
    failing = pool.failing()
    for provider in sorted({*by_provider, *failing}):
        healthy = by_provider.get(provider, ())
        if provider in failing or (healthy and not any(healthy)):
            yield _provider(pool, provider, failing, now)


def _is_idle(state: AccountState) -> bool:
    """Tell whether an account has no credential and never had: one that is named by usual settings alone."""
    loaded = state.loaded
    return loaded.credential is None and not loaded.is_logged_out and not (state.used or state.used_before)


def _account(state: AccountState, now: float) -> Seen | None:
    subject, beside = state.subject, (f"provider:{state.terms.provider}",)
    details: dict[str, object] = {"provider": state.terms.provider}
    if state.is_dead or state.loaded.is_logged_out or state.loaded.credential is None:
        details["reason"] = state.last_error or state.loaded.problem
        return Seen(AlertEvent.ACCOUNT_LOGIN, subject, beside=beside, details=_clean(details))
    cooldown, quota = state.cooldowns.on_account(), state.quota_cooldown_until(now)
    if quota is not None:
        details |= {"reason": "paused at its quota", "until": quota, "now": now}
        return Seen(AlertEvent.ACCOUNT_OUT, subject, beside=beside, details=_clean(details))
    if cooldown is None:
        return None
    is_guess = cooldown.until - cooldown.started_at <= SHORT_SECONDS
    if not cooldown.is_active(now) and not (is_guess and now < cooldown.until + PROVING_SECONDS):
        return None
    details |= {"reason": cooldown.reason, "until": cooldown.until, "now": now}
    return Seen(AlertEvent.ACCOUNT_OUT, subject, beside=beside, details=_clean(details))


def _provider(pool: Pool, provider: str, failing: Collection[str], now: float) -> Seen:
    status = provider_status(pool, provider)
    reason = "its calls keep failing" if provider in failing else "all its accounts are out"
    details: dict[str, object] = {"reason": reason}
    if status is not None:
        details |= {"until": status.until, "now": now}
    return Seen(AlertEvent.PROVIDER_OUT, f"provider:{provider}", details=_clean(details))


def disk() -> Seen:
    """See how full the disk is on which our data lies. Raises `OSError`."""
    place = Path(settings.GATEWAY.DATA_DIR).absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    found = shutil.disk_usage(place)
    percent = int(found.used * 100 / (found.used + found.free)) if found.used + found.free else 0
    return Seen(
        AlertEvent.DISK,
        "disk:",
        value=percent,
        details={"percent": percent, "free_bytes": found.free, "total_bytes": found.total},
    )


def expiring(rules: Sequence[Rule], now: float) -> Iterator[Seen]:
    """Yield tokens that end within the time that some rule names; those of sign-ins live on by themselves."""
    days = max((rule.threshold or 0 for rule in rules), default=0)
    tokens = Token.objects.filter(
        expires_at__gt=int(now),
        expires_at__lte=int(now) + days * DAY_SECONDS,
        revoked_at__isnull=True,
        sign_in__isnull=True,
    )
    tokens = tokens.exclude(pk__in=Token.objects.filter(rotated_from__isnull=False).values("rotated_from"))
    alone = [rule.subject.partition(":")[2] for rule in rules]
    if all(alone):
        tokens = tokens.filter(pk__in=alone)
    wanted = ("id", "label", "expires_at")
    for token, label, expires_at in tokens.order_by("expires_at").values_list(*wanted)[:MOST_TOKENS]:
        left = expires_at - now
        yield Seen(
            AlertEvent.TOKEN_EXPIRES,
            f"token:{token}",
            value=math.ceil(left / DAY_SECONDS),
            period=str(expires_at),
            valid_until=float(expires_at),
            details={"label": label, "expires_at": expires_at, "seconds_left": int(left)},
        )


def expires_still(token: str, period: str, now: float) -> bool:
    """Tell whether a token still ends when it was told to."""
    row = Token.objects.filter(pk=token, revoked_at__isnull=True).first()
    return row is not None and str(row.expires_at) == period and now < row.expires_at


def _clean(details: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in details.items() if value not in (None, "")}
