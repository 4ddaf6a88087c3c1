"""Change accounts. Services write; views, admin, API and commands call them, and say who asks.

A change increments the app's one revision first (writers queue on that row, so revisions commit in
order), stamps the rows it changes, leaves a row of audit, and announces itself in this process after the commit.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from accounts import auditing, changes
from accounts.credentials import cloud_rows, clouds, kinds
from accounts.credentials.sources import Pair, proxy_context, secret_context, stored_pair
from accounts.environment import Named, named_by_environment
from accounts.errors import AccountExists, BadAccount, ManagedAccount, UnknownAccount
from accounts.models import Account, AccountsRevision, Cooldown, PoolSetting, RefreshLease, Source, Strategy
from accounts.pool.store import ONLY_ROW
from accounts.validation import (
    check_new_name,
    check_pair,
    check_refreshable,
    check_source,
    check_variable,
    clean,
)
from gateway.kernel import audit, events
from gateway.kernel.principal import Principal
from gateway.kernel.secrets import box

PAIR_FIELDS = ("secret", "refresh_token", "expires_at")


@contextmanager
def change() -> Iterator[int]:
    """Open one transaction and yield the new revision."""
    with transaction.atomic():
        AccountsRevision.objects.get_or_create(pk=ONLY_ROW)
        AccountsRevision.objects.filter(pk=ONLY_ROW).update(value=F("value") + 1)
        revision = AccountsRevision.objects.values_list("value", flat=True).get(pk=ONLY_ROW)
        transaction.on_commit(changes.announce)
        yield revision


def get(name: str) -> Account:
    """Return the account's row. Raises `UnknownAccount`."""
    row = Account.objects.filter(name=name).first()
    if row is None:
        raise UnknownAccount(name)
    return row


def add(values: Mapping[str, Any], *, principal: Principal) -> Account:
    """Add an account. Fields as in `validation.CHECKS`; `name` and `source` are required.

    `secret` is the API key, or the access token of a pair. Raises `BadAccount`, `AccountExists`.
    """
    row, fields = check(None, values)
    _apply(row, fields)
    try:
        with change() as row.revision:
            row.save(force_insert=True)
            _record(principal, "account.create", None, row)
    except IntegrityError:
        raise AccountExists(row.name) from None
    return row


def update(name: str, values: Mapping[str, Any], *, principal: Principal) -> Account:
    """Change fields of an account; a new secret replaces the pair. Raises `UnknownAccount`, `BadAccount`."""
    return _update(name, values, principal, "account.change")


def _update(name: str, values: Mapping[str, Any], principal: Principal, action: str) -> Account:
    with change() as revision:
        found = _locked(name)
        before = auditing.of_account(found)
        row, fields = check(found, values)
        _apply(row, fields)
        if "secret" in fields:
            _forget_faults(row, revision)
        row.revision = revision
        row.save()
        _record(principal, action, before, row)
    return row


def check(row: Account | None, values: Mapping[str, Any]) -> tuple[Account, dict[str, Any]]:
    """Return the row to change, or a new unsaved one, and the cleaned fields.

    Raises what `add` and `update` raise.
    """
    fields = clean(values)
    if row is None:
        for required in ("name", "source"):
            if required not in fields:
                raise BadAccount(required, "required")
        check_new_name(fields["name"])
        check_source(fields["source"], fields.get("location", ""), fields.get("secret", ""))
        row = Account(name=fields["name"], source=fields["source"])
    else:
        for fixed in ("name", "source"):
            if fields.get(fixed, getattr(row, fixed)) != getattr(row, fixed):
                raise BadAccount(fixed, "can't be changed: add another account")
        if row.is_managed and {"location", "provider", *PAIR_FIELDS, *cloud_rows.FIELDS} & set(fields):
            raise ManagedAccount(f"{row.name} is named by the environment: change it there")
        if "location" in fields:
            check_source(row.source, fields["location"], "stored")
    provider = fields.get("provider", row.provider)
    if row.pk is None or {"location", "provider"} & set(fields):
        check_variable(row.source, fields.get("location", row.location), provider)
    if row.pk is None or "provider" in fields:
        kinds.check(row.source, provider)
    check_pair(row.source, fields)
    clouds.check(row.source, fields, cloud_rows.stored(row), fields.get("location", row.location))
    check_refreshable(row.source, provider)
    return row, fields


def pause(name: str, *, principal: Principal) -> Account:
    """Take an account out of choice. Running calls end by themselves."""
    return _update(name, {"is_paused": True}, principal, "account.pause")


def resume(name: str, *, principal: Principal) -> Account:
    """Put a paused account back."""
    return _update(name, {"is_paused": False}, principal, "account.resume")


def clear(name: str, *, principal: Principal) -> Account:
    """Clear cooldowns, needs-login mark and last error; the provider's circuit breaker closes."""
    with change() as revision:
        row = _locked(name)
        _forget_faults(row, revision)
        row.revision = revision
        row.save()
        audit.record(principal, "account.clear", f"account:{name}", None, None)
    return row


def remove(name: str, *, principal: Principal) -> None:
    """Delete an account. One that the environment names would come back: it is refused."""
    with change() as revision:
        row = _locked(name)
        if row.is_managed and not row.is_absent:
            raise ManagedAccount(f"{name} is named by the environment: take it out there, or pause it")
        audit.record(principal, "account.remove", f"account:{name}", auditing.of_account(row), None)
        row.delete()
        AccountsRevision.objects.filter(pk=ONLY_ROW).update(reload_from=revision)


def set_strategy(word: str, *, principal: Principal) -> None:
    """Change the strategy while the pool runs; "" goes back to ACCOUNT_ROUTING_STRATEGY."""
    if word and word not in Strategy.values:
        raise BadAccount("strategy", f"one of {', '.join(Strategy.values)}")
    with change():
        sides = {"strategy": strategy() or None}, {"strategy": word or None}
        audit.record(principal, "pool.change", "pool:strategy", *sides)
        PoolSetting.objects.update_or_create(pk=ONLY_ROW, defaults={"strategy": word})


def strategy() -> str:
    """Return the strategy that was set while running; "" when none was."""
    return PoolSetting.objects.filter(pk=ONLY_ROW).values_list("strategy", flat=True).first() or ""


def store_pair(account: int, pair: Pair, *, principal: Principal) -> None:
    """Write a refreshed pair, before anybody uses it."""
    with change() as revision:
        row = Account.objects.select_for_update().get(id=account)
        before = auditing.of_account(row)
        row.encrypted_secret = box().encrypt(pair.to_text(), secret_context(row.name))
        row.needs_login = False
        row.dead_fingerprint = ""
        row.revision = revision
        row.save(update_fields=["encrypted_secret", "needs_login", "dead_fingerprint", "revision"])
        _record(principal, "account.change", before, row)


def mark_dead(account: int, dead: str, problem: str, *, principal: Principal) -> None:
    """Note that only a new login helps the credential with fingerprint `dead`."""
    with change() as revision:
        row = Account.objects.select_for_update().filter(id=account).first()
        if row is None:
            return
        before = auditing.of_account(row)
        row.needs_login, row.dead_fingerprint = True, dead
        row.last_error, row.last_error_at = problem[:500], time.time()
        row.revision = revision
        row.save(update_fields=["needs_login", "dead_fingerprint", "last_error", "last_error_at", "revision"])
        _record(principal, "account.change", before, row)
        if not before["needs_login"]:
            tell = partial(events.emit, events.ACCOUNT_LOGIN, f"account:{row.name}", reason=problem)
            transaction.on_commit(tell)


def sync_from_environment(*, principal: Principal) -> bool:
    """Make the rows say what the environment says. True when something changed.

    An account that is no longer named stays, marked absent, with what the operator said about it.
    Any number of workers may do this at the same time.
    """
    wanted = {named.name: named for named in named_by_environment()}
    if _is_in_step(wanted):
        return False
    with change() as revision:
        rows = {row.name: row for row in Account.objects.select_for_update().filter(name__in=wanted)}
        for named in wanted.values():
            row = rows.get(named.name) or Account(name=named.name)
            before = None if row.pk is None else auditing.of_account(row)
            row.source, row.location, row.provider = named.source, named.location, named.provider
            row.position, row.is_managed, row.is_absent = named.position, True, False
            row.revision = revision
            row.save()
            _record(principal, "account.change" if before else "account.create", before, row)
        gone = Account.objects.select_for_update().filter(is_managed=True, is_absent=False)
        for row in gone.exclude(name__in=wanted):
            before = auditing.of_account(row)
            row.is_absent, row.revision = True, revision
            row.save(update_fields=["is_absent", "revision"])
            _record(principal, "account.change", before, row)
    return True


def sync_once(*, principal: Principal) -> None:
    """Sync the environment's accounts for commands, when no server has done so yet.

    Never more: a shell without the server's variables must not make the server's accounts absent.
    """
    if not Account.objects.filter(is_managed=True).exists():
        sync_from_environment(principal=principal)


def _record(principal: Principal, action: str, before: dict[str, object] | None, row: Account) -> None:
    audit.record(principal, action, f"account:{row.name}", before, auditing.of_account(row))


def _is_in_step(wanted: dict[str, Named]) -> bool:
    rows = Account.objects.filter(is_managed=True, is_absent=False)
    present = {Named(row.name, row.source, row.location, row.position, row.provider) for row in rows}
    return present == set(wanted.values())


def _locked(name: str) -> Account:
    row = Account.objects.select_for_update().filter(name=name).first()
    if row is None:
        raise UnknownAccount(name)
    return row


def _forget_faults(row: Account, revision: int) -> None:
    row.needs_login = False
    row.dead_fingerprint = ""
    row.last_error = ""
    row.last_error_at = None
    row.cleared_revision = revision
    Cooldown.objects.filter(account=row).delete()
    RefreshLease.objects.filter(account=row).update(not_before=0.0)


def _apply(row: Account, fields: Mapping[str, Any]) -> None:
    """Set what was given. Secrets are encrypted here and nowhere else."""
    secrets = box()
    for field, value in fields.items():
        if field == "proxy":
            row.encrypted_proxy = secrets.encrypt(value, proxy_context(row.name)) if value else ""
        elif field not in (*PAIR_FIELDS, *cloud_rows.FIELDS):
            setattr(row, field, value)
    if row.source in clouds.KINDS:
        cloud_rows.apply(row, fields)
    if row.source == Source.API_KEY and "secret" in fields:
        row.encrypted_secret = secrets.encrypt(fields["secret"], secret_context(row.name))
    if row.source == Source.OAUTH and set(PAIR_FIELDS) & set(fields):
        earlier = stored_pair(row, secrets)
        access = fields.get("secret") or (earlier.access_token if earlier else "")
        if "secret" in fields or earlier is None:
            pair = Pair(access, fields.get("refresh_token") or None, fields.get("expires_at"))
        else:
            pair = Pair(
                access,
                fields.get("refresh_token", earlier.refresh_token) or None,
                fields.get("expires_at", earlier.expires_at),
            )
        if not pair.access_token:
            raise BadAccount("secret", "can't be empty")
        row.encrypted_secret = secrets.encrypt(pair.to_text(), secret_context(row.name))
