"""Refreshing OAuth pairs: one refresher per account, across threads, processes and hosts.

A rotated refresh token is dead at once, so the order is: take the lease, read again, ask the token
endpoint, write down, and only then use. Blocking; runs in threads of its own, never cancelled with a call.
"""

from __future__ import annotations

import logging
import secrets as randomness
import time
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q

from accounts import services
from accounts.credential_files import FileCredential, Reading
from accounts.errors import RefreshFailed
from accounts.models import Account, RefreshLease, Source
from accounts.sources import Pair, current_pair, load_proxy, read_home
from accounts.token_endpoint import GrantRefused, TokenEndpoint, TokenEndpointBusy, TokenEndpointDown
from accounts.write_back import FileMoved, write_pair
from providers.errors import SecretUnreadable
from providers.secrets import box, fingerprint

logger = logging.getLogger(__name__)

DOWN_SECONDS = 60.0
NEEDS_LOGIN = "needs a new login: the vendor no longer accepts the refresh token"


@dataclass(frozen=True, slots=True)
class RefreshOptions:
    """Durations in seconds. The lease outlasts one call of the token endpoint, so that it is held while one runs."""

    token_url: str
    is_write_back: bool = True
    timeout_seconds: float = 30.0
    lease_seconds: float = 45.0
    look_seconds: float = 0.2  # how often those who wait look whether it is done
    pause_seconds: float = 1.0  # before the second try at a token endpoint that is down, doubling


def options_from_settings() -> RefreshOptions:
    return RefreshOptions(settings.OAUTH_TOKEN_URL, settings.OAUTH_WRITE_BACK)


class Refresher:
    """Gets an account a new pair."""

    def __init__(self, options: RefreshOptions) -> None:
        self._options = options

    def refresh(self, account: int, refused: str) -> None:
        """Returns when row or file hold another access token than the one with fingerprint `refused`.

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
        """Whether there is another token by now. Raises `RefreshFailed` when trying again makes no sense."""
        row, _, pair = self._read(account)
        if fingerprint(pair.access_token) != refused:
            return True
        if row.needs_login and row.dead_fingerprint == refused:
            raise RefreshFailed(NEEDS_LOGIN)
        if not pair.refresh_token:
            raise RefreshFailed("the credential was refused and has no refresh token")
        not_before = (
            RefreshLease.objects.filter(account_id=account).values_list("not_before", flat=True).first()
        )
        if not_before is not None and not_before > time.time():
            raise RefreshFailed("the token endpoint asked us to wait", not_before)
        return False

    def _read(self, account: int) -> tuple[Account, Reading | None, Pair]:
        row = Account.objects.filter(id=account).first()
        if row is None:
            raise RefreshFailed("the account is gone")
        reading = read_home(row)
        try:
            pair = (
                current_pair(row, reading, box()) if row.source in (Source.DIRECTORY, Source.OAUTH) else None
            )
        except SecretUnreadable as exc:
            raise RefreshFailed(str(exc)) from exc
        if pair is None:
            raise RefreshFailed("the account has no pair to refresh")
        return row, reading, pair

    def _take_lease(self, account: int, owner: str) -> bool:
        """Compare-and-swap: free, over, or ours already. A clock set back by days frees it, too."""
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
        row, reading, pair = self._read(account)
        try:
            fresh = self._exchange(row, pair, owner)
        except GrantRefused as exc:
            if not self._is_done(account, refused):
                services.mark_dead(account, refused, NEEDS_LOGIN)
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
        )
        logger.info("account %s: pair refreshed, now %s", row.name, fingerprint(fresh.access_token))
        if reading is not None:
            self._write_back(row, reading, fresh)

    def _exchange(self, row: Account, pair: Pair, owner: str) -> Pair:
        """Asks, at most three times while the endpoint is down. Raises what `TokenEndpoint` raises."""
        endpoint = TokenEndpoint(
            self._options.token_url, self._options.timeout_seconds, load_proxy(row, box())
        )
        pause = self._options.pause_seconds
        for is_last in (False, False, True):
            try:
                return endpoint.refresh(pair)
            except TokenEndpointDown as exc:
                logger.warning("account %s: %s", row.name, exc)
                if is_last or not self._take_lease(row.id, owner):
                    raise RefreshFailed(str(exc), time.time() + DOWN_SECONDS) from exc
                time.sleep(pause)
                pause *= 2
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
