"""Every change to accounts. Services write; views, admin, API and commands call them.

A change increments the app's one revision first (writers queue on that row, so revisions commit in
order), stamps the rows it changes, and announces itself in this process after the commit.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from accounts import changes
from accounts.environment import Named, named_by_environment
from accounts.errors import AccountExists, BadAccount, ManagedAccount, UnknownAccount
from accounts.models import Account, AccountsRevision, Cooldown, PoolSetting, RefreshLease, Source, Strategy
from accounts.sources import Pair, proxy_context, secret_context, stored_pair
from accounts.store import ONLY_ROW
from accounts.validation import check_new_name, check_pair, check_refreshable, check_source, clean
from providers.secrets import box

PAIR_FIELDS = ("secret", "refresh_token", "expires_at")


@contextmanager
def change() -> Iterator[int]:
    """One transaction; yields the new revision."""
    with transaction.atomic():
        AccountsRevision.objects.get_or_create(pk=ONLY_ROW)
        AccountsRevision.objects.filter(pk=ONLY_ROW).update(value=F("value") + 1)
        revision = AccountsRevision.objects.values_list("value", flat=True).get(pk=ONLY_ROW)
        transaction.on_commit(changes.announce)
        yield revision


def get(name: str) -> Account:
    """Raises `UnknownAccount`."""
    row = Account.objects.filter(name=name).first()
    if row is None:
        raise UnknownAccount(name)
    return row


def add(values: Mapping[str, Any]) -> Account:
    """A new account. Fields as in `validation.CHECKS`; `name` and `source` are required.

    `secret` is the API key, or the access token of a pair. Raises `BadAccount`, `AccountExists`.
    """
    row, fields = check(None, values)
    _apply(row, fields)
    try:
        with change() as row.revision:
            row.save(force_insert=True)
    except IntegrityError:
        raise AccountExists(row.name) from None
    return row


def update(name: str, values: Mapping[str, Any]) -> Account:
    """Changes fields of an account; a new secret replaces the whole pair. Raises `UnknownAccount`, `BadAccount`."""
    with change() as revision:
        row, fields = check(_locked(name), values)
        _apply(row, fields)
        if "secret" in fields:
            _forget_faults(row, revision)
        row.revision = revision
        row.save()
    return row


def check(row: Account | None, values: Mapping[str, Any]) -> tuple[Account, dict[str, Any]]:
    """The row to change, or a new unsaved one, and the cleaned fields. Raises what `add` and `update` raise."""
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
        if row.is_managed and {"location", "provider", *PAIR_FIELDS} & set(fields):
            raise ManagedAccount(f"{row.name} is named by the environment: change it there")
        if "location" in fields:
            check_source(row.source, fields["location"], "stored")
    check_pair(row.source, fields)
    check_refreshable(row.source, fields.get("provider", row.provider))
    return row, fields


def pause(name: str) -> Account:
    """Takes an account out of choice. Running calls end by themselves."""
    return update(name, {"is_paused": True})


def resume(name: str) -> Account:
    """Puts a paused account back."""
    return update(name, {"is_paused": False})


def clear(name: str) -> Account:
    """The operator's reset: cooldowns, needs-login mark and last error go; the provider's breaker closes."""
    with change() as revision:
        row = _locked(name)
        _forget_faults(row, revision)
        row.revision = revision
        row.save()
    return row


def remove(name: str) -> None:
    """Deletes an account. One that the environment names would come back: it is refused."""
    with change() as revision:
        row = _locked(name)
        if row.is_managed and not row.is_absent:
            raise ManagedAccount(f"{name} is named by the environment: take it out there, or pause it")
        row.delete()
        AccountsRevision.objects.filter(pk=ONLY_ROW).update(reload_from=revision)


def set_strategy(word: str) -> None:
    """Changes the strategy while the pool runs; "" goes back to ACCOUNT_ROUTING_STRATEGY."""
    if word and word not in Strategy.values:
        raise BadAccount("strategy", f"one of {', '.join(Strategy.values)}")
    with change():
        PoolSetting.objects.update_or_create(pk=ONLY_ROW, defaults={"strategy": word})


def strategy() -> str:
    """What was set while running; "" when nothing was."""
    return PoolSetting.objects.filter(pk=ONLY_ROW).values_list("strategy", flat=True).first() or ""


def store_pair(account: int, pair: Pair) -> None:
    """A refreshed pair, written before anybody uses it."""
    with change() as revision:
        row = Account.objects.select_for_update().get(id=account)
        row.encrypted_secret = box().encrypt(pair.to_text(), secret_context(row.name))
        row.needs_login = False
        row.dead_fingerprint = ""
        row.revision = revision
        row.save(update_fields=["encrypted_secret", "needs_login", "dead_fingerprint", "revision"])


def mark_dead(account: int, dead: str, problem: str) -> None:
    """Only a new login helps the credential with fingerprint `dead`."""
    with change() as revision:
        Account.objects.filter(id=account).update(
            needs_login=True,
            dead_fingerprint=dead,
            last_error=problem[:500],
            last_error_at=time.time(),
            revision=revision,
        )


def sync_from_environment() -> bool:
    """Makes the rows say what the environment says. True when something changed.

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
            row.source, row.location, row.provider = named.source, named.location, named.provider
            row.position, row.is_managed, row.is_absent = named.position, True, False
            row.revision = revision
            row.save()
        Account.objects.filter(is_managed=True, is_absent=False).exclude(name__in=wanted).update(
            is_absent=True, revision=revision
        )
    return True


def sync_once() -> None:
    """For commands: names the environment's accounts when no server has done so yet.

    Never more: a shell without the server's variables must not make the server's accounts absent.
    """
    if not Account.objects.filter(is_managed=True).exists():
        sync_from_environment()


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
    """Sets what was given. Secrets are encrypted here and nowhere else."""
    secrets = box()
    for field, value in fields.items():
        if field == "proxy":
            row.encrypted_proxy = secrets.encrypt(value, proxy_context(row.name)) if value else ""
        elif field not in PAIR_FIELDS:
            setattr(row, field, value)
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
