"""Ask an upstream whether it takes an account's credential: one small call that costs no tokens."""

from __future__ import annotations

import time
from dataclasses import replace

from django.db import transaction

from accounts import services
from accounts.credentials.sources import keeps_login, load_proxy, load_secret, read_home
from accounts.errors import BadAccount, CredentialUnavailable
from accounts.models import Account
from gateway.kernel import audit
from gateway.kernel.principal import Principal
from gateway.kernel.redaction import redact
from gateway.kernel.secrets import SecretUnreadable, box
from providers.catalog.live import catalog_to_show
from providers.catalog.records import ProviderRecord
from providers.dialects.types import WireRequest
from providers.drivers.base import Outcome
from providers.drivers.table import DRIVERS
from providers.probing import LIST, NO_ANSWER, WANTED, Probe, fetch_once, tried
from providers.sending import upstream_of
from providers.upstream import Upstream

REQUEST = WireRequest("GET", b"/v1/models", b"limit=1", WANTED, b"")


def probe(name: str, *, principal: Principal) -> Probe:
    """Call the upstream as `ask` does, and record who asked for it."""
    result = ask(name)
    with transaction.atomic():
        after = {"ok": result.is_ok, "status": result.status}
        audit.record(principal, "account.test", f"account:{name}", None, after)
    return result


def ask(name: str) -> Probe:
    """Call the upstream with this account, refreshing nothing. Raises `UnknownAccount`, `BadAccount`."""
    row = services.get(name)
    place = place_of(row.provider)
    started = time.monotonic()
    try:
        upstream = _upstream(row, place)
    except (CredentialUnavailable, SecretUnreadable) as exc:
        return Probe(False, None, str(exc))
    if DRIVERS[place.kind].trial("") is not None:  # its list of models is open to everybody
        found = tried(place, upstream, LIST)
        return replace(found, message=redact.words(found.message))
    try:
        fetched = fetch_once(upstream, REQUEST)
    except NO_ANSWER as exc:
        return Probe(False, None, f"no answer: {type(exc).__name__}", seconds=time.monotonic() - started)
    verdict = fetched.verdict
    is_ok = verdict.outcome is Outcome.OK
    message = "ok" if is_ok else verdict.reason
    return Probe(is_ok, fetched.answer.status, redact.words(message), seconds=time.monotonic() - started)


def place_of(provider: str) -> ProviderRecord:
    """Return the provider's record. Raises `BadAccount` where there is no such provider."""
    record = catalog_to_show().view.providers.get(provider)
    if record is None:
        raise BadAccount("provider", f"there is no provider named {provider!r}")
    if record.kind not in DRIVERS:
        raise BadAccount("provider", f"accounts of kind {record.kind!r} can't be tested")
    return record


def _upstream(row: Account, place: ProviderRecord) -> Upstream:
    secrets = box()
    loaded = load_secret(row, read_home(row), secrets, keeps_login(row))
    if loaded.credential is None:
        raise CredentialUnavailable(loaded.problem)
    proxy = load_proxy(row, secrets)
    return upstream_of(place, row.name, loaded.credential, proxy=proxy)
