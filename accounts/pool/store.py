"""Read the pool's rows, and write down what traffic has taught. Sync ORM, for background tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from django.db import transaction
from django.db.models import F, Q

from accounts.models import Account, AccountsRevision, Cooldown, PoolSetting
from accounts.pool.cooldown import CooldownState, Key
from accounts.pool.state import AccountState, Terms
from providers.drivers.base import QuotaWindow, Scope

ONLY_ROW = 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Rows as of a revision. `is_whole`: everything, else only what changed."""

    revision: int
    strategy: str
    rows: list[Account]
    is_whole: bool


def read_whole() -> Snapshot:
    """Read everything; the revision first: a change that comes between is read again, never missed."""
    value, _ = _revision()
    return Snapshot(value, _strategy(), list(Account.objects.all()), is_whole=True)


def read_since(seen: int) -> Snapshot | None:
    """Read what changed after revision `seen`; None when nothing did."""
    value, reload_from = _revision()
    if value == seen:
        return None
    if reload_from > seen or value < seen:
        return read_whole()
    return Snapshot(value, _strategy(), list(Account.objects.filter(revision__gt=seen)), is_whole=False)


def _revision() -> tuple[int, int]:
    row = AccountsRevision.objects.filter(pk=ONLY_ROW).values_list("value", "reload_from").first()
    return row or (0, 0)


def _strategy() -> str:
    return PoolSetting.objects.filter(pk=ONLY_ROW).values_list("strategy", flat=True).first() or ""


def terms_of(row: Account, proxy: str | None) -> Terms:
    return Terms(
        name=row.name,
        provider=row.provider,
        source=row.source,
        location=row.location,
        priority=row.priority,
        weight=row.weight,
        position=row.position,
        is_paused=row.is_paused,
        is_absent=row.is_absent,
        max_parallel=row.max_parallel,
        request_caps=tuple((cap["requests"], float(cap["window_seconds"])) for cap in row.request_caps),
        pause_at_percent=row.pause_at_percent,
        region=row.region,
        proxy=proxy,
    )


def windows_of(row: Account) -> dict[str, QuotaWindow]:
    """Return the quota windows last written for an account; what isn't understood is left out."""
    windows = {}
    for name, values in row.quota.items():
        if isinstance(values, dict):
            windows[name] = QuotaWindow(
                name, values.get("status", ""), values.get("used_fraction"), values.get("resets_at")
            )
    return windows


def read_cooldowns(changed_after: float = 0.0) -> dict[int, list[tuple[str, CooldownState]]]:
    """Map account id to (fingerprint, cooldown), of those written after a time (Unix seconds)."""
    found: dict[int, list[tuple[str, CooldownState]]] = {}
    for row in Cooldown.objects.filter(changed_at__gt=changed_after):
        cooldown = CooldownState(
            Scope(row.scope),
            row.value,
            row.started_at,
            row.until,
            row.reason,
            row.strikes,
            row.needs_operator,
        )
        found.setdefault(row.account_id, []).append((row.fingerprint, cooldown))
    return found


Unsaved = Mapping[tuple[int, Key], CooldownState | None]


def write_cooldowns(unsaved: Unsaved, prints: Mapping[int, str], now: float) -> None:
    """Add, replace and (None) delete cooldowns. `prints`: fingerprints of the accounts' credentials.

    Accounts that are gone are passed over.
    """
    with transaction.atomic():
        alive = set(Account.objects.filter(id__in={key[0] for key in unsaved}).values_list("id", flat=True))
        rows = {
            (account, scope, storable(value, 255)): _cooldown(account, prints.get(account, ""), cooldown, now)
            for (account, (scope, value)), cooldown in unsaved.items()
            if cooldown is not None and account in alive
        }
        Cooldown.objects.bulk_create(
            rows.values(),
            update_conflicts=True,
            unique_fields=["account", "scope", "value"],
            update_fields=[
                "fingerprint",
                "started_at",
                "until",
                "strikes",
                "needs_operator",
                "reason",
                "changed_at",
            ],
        )
        for (account, (scope, value)), cooldown in unsaved.items():
            if cooldown is None:
                # Not one that another process has started meanwhile for the same credential.
                over = Q(until__lte=now) | ~Q(fingerprint=prints.get(account, ""))
                Cooldown.objects.filter(
                    over, account_id=account, scope=scope, value=storable(value, 255)
                ).delete()


def storable(text: str, limit: int) -> str:
    """Cut and clean a text for any database: models and messages come from clients and upstreams."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")[:limit]


def _cooldown(account: int, fingerprint: str, cooldown: CooldownState, now: float) -> Cooldown:
    return Cooldown(
        account_id=account,
        fingerprint=fingerprint,
        scope=cooldown.scope,
        value=storable(cooldown.value, 255),
        started_at=cooldown.started_at,
        until=cooldown.until,
        strikes=cooldown.strikes,
        needs_operator=cooldown.needs_operator,
        reason=storable(cooldown.reason, 255),
        changed_at=now,
    )


@dataclass(frozen=True, slots=True)
class Traffic:
    """The part of one account's traffic that is written down."""

    account: int
    used: int
    last_error: str
    windows: dict[str, QuotaWindow]


def traffic_of(state: AccountState) -> Traffic:
    return Traffic(state.id, state.unsaved_used, state.last_error, dict(state.windows))


def write_traffic(entries: Iterable[Traffic], now: float) -> None:
    """Write traffic.

    Counters are added, so that several processes may write; the newest error and windows stay.
    """
    with transaction.atomic():
        for entry in entries:
            rows = Account.objects.filter(id=entry.account)
            rows.update(used=F("used") + entry.used)
            if entry.windows:
                rows.update(quota={name: _window_values(window) for name, window in entry.windows.items()})
            if entry.last_error:
                error = storable(entry.last_error, 500)
                rows.exclude(last_error=error).update(last_error=error, last_error_at=now)


def _window_values(window: QuotaWindow) -> dict[str, object]:
    values = asdict(window)
    del values["name"]
    return values
