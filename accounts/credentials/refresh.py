"""Refresh logins: one refresher per account, across threads, processes and hosts.

How a kind of login is refreshed is its token endpoint's matter (`logins.py`). A rotated refresh token is dead at
once, so the order is: take the lease, read again, ask the token endpoint, write down, and only then use.
Blocking; runs in threads of its own, never cancelled with a call.
"""

from __future__ import annotations

import logging
import secrets as randomness
import time
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q

from accounts import services
from accounts.credentials.files import FileCredential, Reading
from accounts.credentials.logins import Logins
from accounts.credentials.sources import Pair, current_pair, load_proxy, read_home
from accounts.credentials.token_endpoint import (
    GrantRefused,
    Reach,
    TokenEndpoint,
    TokenEndpointBusy,
    TokenEndpointDown,
)
from accounts.credentials.write_back import FileMoved, write_pair
from accounts.errors import RefreshFailed
from accounts.models import Account, RefreshLease
from gateway.kernel.principal import GATEWAY
from gateway.kernel.secrets import SecretUnreadable, box, fingerprint
from providers.catalog.live import catalog_to_show

logger = logging.getLogger(__name__)

DOWN_SECONDS = 60.0
NEEDS_LOGIN = "needs a new login: the vendor no longer accepts the refresh token"


@dataclass(frozen=True, slots=True)
class RefreshOptions:
    """Options of refreshing; durations in seconds. The lease outlasts one call of the token endpoint."""

    is_write_back: bool = True
    timeout_seconds: float = 30.0
    lease_seconds: float = 45.0
    look_seconds: float = 0.2  # how often those who wait look whether it is done
    pause_seconds: float = 1.0  # before the second try at a token endpoint that is down, doubling


def options_from_settings() -> RefreshOptions:
    return RefreshOptions(settings.GATEWAY.OAUTH_WRITE_BACK)


class Refresher:
    """Get accounts new pairs."""

    def __init__(self, options: RefreshOptions, logins: Logins) -> None:
        self._options = options
        self._logins = logins

    def refresh(self, account: int, refused: str) -> None:
        """Return when row or file hold another access token than the one with fingerprint `refused`.

        Raises `RefreshFailed`; with `retry_at` None only a new login helps.
        """
        owner = randomness.token_hex(8)
        give_up_at = time.time() + self._options.lease_seconds + self._options.timeout_seconds
        while True:
            if self._is_done(account, refused):
                return
            if self._take_lease(account, owner):
                break
            if time.time() >= give_up_at:
                raise RefreshFailed(
                    "another process is refreshing and does not finish", time.time() + DOWN_SECONDS
                )
            time.sleep(self._options.look_seconds)
        try:
            self._refresh_under_lease(account, refused, owner)
        finally:
            RefreshLease.objects.filter(account_id=account, owner=owner).update(owner="", until=0.0)

    def _is_done(self, account: int, refused: str) -> bool:
        """Tell whether there is another token by now.

        Raises `RefreshFailed` when trying again makes no sense.
        """
        row, _, pair, endpoint = self._read(account)
        if fingerprint(pair.access_token) != refused:
            return True
        if row.needs_login and row.dead_fingerprint == refused:
            raise RefreshFailed(NEEDS_LOGIN)
        if lacking := endpoint.lacks(pair):
            raise RefreshFailed(f"the credential was refused and has {lacking}")
        not_before = (
            RefreshLease.objects.filter(account_id=account).values_list("not_before", flat=True).first()
        )
        if not_before is not None and not_before > time.time():
            raise RefreshFailed("the token endpoint asked us to wait", not_before)
        return False

    def _read(self, account: int) -> tuple[Account, Reading | None, Pair, TokenEndpoint]:
        row = Account.objects.filter(id=account).first()
        if row is None:
            raise RefreshFailed("the account is gone")
        reading, endpoint = read_home(row), self._logins.get(row.source)
        if endpoint is not None and _vendor(row) not in (endpoint.vendor, None):
            raise RefreshFailed("the login is another vendor's: its refresh token is sent to nobody")
        try:
            pair = None if endpoint is None else current_pair(row, reading, box())
        except SecretUnreadable as exc:
            raise RefreshFailed(str(exc)) from exc
        if endpoint is None or pair is None:
            raise RefreshFailed("the account has no pair to refresh")
        return row, reading, pair, endpoint

    def _take_lease(self, account: int, owner: str) -> bool:
        """Take the lease by compare-and-swap if it is free, over or ours.

        A clock set back by days frees it, too.
        """
        now = time.time()
        RefreshLease.objects.get_or_create(account_id=account)
        free = Q(owner="") | Q(owner=owner) | Q(until__lt=now) | Q(until__gt=now + 86400)
        taken = RefreshLease.objects.filter(free, account_id=account).update(
            owner=owner, until=now + self._options.lease_seconds
        )
        return taken == 1

    def _refresh_under_lease(self, account: int, refused: str, owner: str) -> None:
        if self._is_done(account, refused):
            return
        row, reading, pair, endpoint = self._read(account)
        try:
            fresh = self._exchange(row, pair, endpoint, owner)
        except GrantRefused as exc:
            if not self._is_done(account, refused):
                services.mark_dead(account, refused, NEEDS_LOGIN, principal=GATEWAY)
                raise RefreshFailed(NEEDS_LOGIN) from exc
            return
        except TokenEndpointBusy as exc:
            RefreshLease.objects.filter(account_id=account).update(not_before=exc.retry_at)
            raise RefreshFailed(str(exc), exc.retry_at) from exc
        found = None if reading is None else reading.credential
        replaces = "" if found is None else fingerprint(found.access_token)
        services.store_pair(
            account,
            Pair(fresh.access_token, fresh.refresh_token, fresh.expires_at, fresh.life_seconds, replaces),
            principal=GATEWAY,
        )
        logger.info("account %s: pair refreshed, now %s", row.name, fingerprint(fresh.access_token))
        if reading is not None:
            self._write_back(row, reading, fresh)

    def _exchange(self, row: Account, pair: Pair, endpoint: TokenEndpoint, owner: str) -> Pair:
        """Ask the endpoint, at most three times while it is down. Raises what `TokenEndpoint` raises."""
        reach = Reach(self._options.timeout_seconds, load_proxy(row, box()))
        pause_seconds = self._options.pause_seconds
        for is_last in (False, False, True):
            try:
                return endpoint.refresh(pair, reach)
            except TokenEndpointDown as exc:
                logger.warning("account %s: %s", row.name, exc)
                if is_last or not self._take_lease(row.id, owner):
                    raise RefreshFailed(str(exc), time.time() + DOWN_SECONDS) from exc
                time.sleep(pause_seconds)
                pause_seconds *= 2
        raise AssertionError("the last try returns or raises")

    def _write_back(self, row: Account, reading: Reading, fresh: Pair) -> None:
        found, path = reading.credential, reading.path
        if not self._options.is_write_back or found is None or path is None:
            return
        try:
            write_pair(path, found, FileCredential(fresh.access_token, fresh.refresh_token, fresh.expires_at))
        except FileMoved as exc:
            logger.warning("account %s: refreshed pair not written to %s: %s", row.name, path, exc)
        except OSError as exc:
            logger.warning(
                "account %s: can't write %s (%s). The pair in it is dead now: we go on with the one in our "
                "database, but the command line that owns the file has to log in again",
                row.name, path, exc.strerror,
            )  # fmt: skip


def _vendor(row: Account) -> str | None:
    """Return the kind of the account's provider; None when the provider is not in use."""
    place = catalog_to_show().view.providers.get(row.provider)
    return None if place is None else place.kind
