"""Asking an upstream whether it takes an account's credential: one small call that costs no tokens."""

from __future__ import annotations

import time

import httpx

from accounts import services
from accounts.errors import BadAccount, CredentialUnavailable
from accounts.models import Account
from accounts.sources import load_proxy, load_secret, read_home
from providers.dialects.types import WireAnswer, WireRequest
from providers.drivers.base import Outcome
from providers.errors import SecretUnreadable
from providers.live import catalog_to_show
from providers.probing import Probe
from providers.records import ProviderRecord
from providers.registry import DRIVERS
from providers.secrets import box
from providers.upstream import Upstream

TIMEOUT_SECONDS = 15.0
REQUEST = WireRequest("GET", b"/v1/models", b"limit=1", ((b"accept", b"application/json"),), b"")


def probe(name: str) -> Probe:
    """Calls the upstream with this account, refreshing nothing. Raises `UnknownAccount`, `BadAccount`."""
    row = services.get(name)
    place = place_of(row.provider)
    started = time.monotonic()
    try:
        upstream = _upstream(row, place)
    except (CredentialUnavailable, SecretUnreadable) as exc:
        return Probe(False, None, str(exc))
    driver = DRIVERS[place.kind]
    request = _plain(driver.build(upstream, REQUEST))
    request.headers.setdefault("host", request.url.netloc.decode())
    try:
        with httpx.Client(timeout=TIMEOUT_SECONDS, proxy=upstream.proxy, trust_env=False) as client:
            answer = client.send(request)
    except (httpx.HTTPError, OSError) as exc:
        return Probe(False, None, f"no answer: {type(exc).__name__}", seconds=time.monotonic() - started)
    seen = WireAnswer(
        answer.status_code, tuple((key.lower(), value) for key, value in answer.headers.raw), answer.content
    )
    verdict = driver.classify(seen, time.time())
    is_ok = verdict.outcome is Outcome.OK
    message = "ok" if is_ok else verdict.reason
    return Probe(is_ok, seen.status, message, seconds=time.monotonic() - started)


def _plain(built: httpx.Request) -> httpx.Request:
    """The target in the URL, where this client looks for it: as an extension it would go to a proxy's CONNECT, too."""
    url = built.url.copy_with(raw_path=built.extensions["target"])
    return httpx.Request(built.method, url, headers=built.headers, content=built.read())


def place_of(provider: str) -> ProviderRecord:
    """Where the provider is called. Raises `BadAccount` where there is no such provider."""
    record = catalog_to_show().view.providers.get(provider)
    if record is None:
        raise BadAccount("provider", f"there is no provider named {provider!r}")
    if record.kind not in DRIVERS:
        raise BadAccount("provider", f"accounts of kind {record.kind!r} can't be tested")
    return record


def _upstream(row: Account, place: ProviderRecord) -> Upstream:
    secrets = box()
    loaded = load_secret(row, read_home(row), secrets)
    if loaded.credential is None:
        raise CredentialUnavailable(loaded.problem)
    proxy = load_proxy(row, secrets)
    return Upstream(
        row.provider,
        place.kind,
        place.base_url,
        row.name,
        loaded.credential,
        headers=place.headers,
        proxy=proxy,
    )
