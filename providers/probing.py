"""Ask a provider, with its own key, for its models: one small call that costs no tokens.

Where the list of models is open to everybody, a call for one token shows whether the key is taken. Blocking.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace

import httpx
from django.db import transaction
from msgspec import structs

from gateway.kernel import audit
from gateway.kernel.principal import Principal
from providers import services
from providers.catalog.records import ProviderRecord
from providers.catalog.store import record_of
from providers.client import ClientOptions, Transport
from providers.dialects.listing import read_models
from providers.dialects.types import Headers, WireRequest
from providers.drivers.base import Outcome
from providers.drivers.table import DRIVERS, DriverSet
from providers.fields import own_secrets
from providers.sending import Fetched, Sender, upstream_of
from providers.upstream import Upstream
from providers.words import MAX_LIST_BYTES

TIMEOUT_SECONDS = 15.0
NO_MODEL = "no model to try it with: name one in default_model, models or model_ids"
NO_ANSWER = (httpx.HTTPError, OSError)
WANTED: Headers = ((b"accept", b"application/json"), (b"accept-encoding", b"identity"))
LIST = WireRequest("GET", b"/v1/models", b"", WANTED, b"")


@dataclass(frozen=True, slots=True)
class Probe:
    """The result of one such call.

    `status` None: no answer.
    """

    is_ok: bool
    status: int | None
    message: str
    models: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def told(self) -> str:
        """Return the result for people: the status where one came, and what it means."""
        return self.message if self.status is None else f"{self.status}, {self.message}"


def probe(name: str, *, principal: Principal) -> Probe:
    """Call a stored provider, and record who asked for it.

    Raises `UnknownProvider`.
    """
    result = ask(record_of(services.get(name)))
    with transaction.atomic():
        after = {"ok": result.is_ok, "status": result.status}
        audit.record(principal, "provider.test", f"provider:{name}", None, after)
    return result


def ask(record: ProviderRecord) -> Probe:
    """Call the provider of a record."""
    credential = record.own_credential()
    if credential is None:
        if record.own_secret:
            return Probe(False, None, own_secrets.problem(record.own_secret))
        if record.takes_callers_login:
            return Probe(False, None, "callers bring their own login: there is none to test it with")
        reason = "its stored key does not open" if record.is_key_unreadable else "no key of its own"
        return Probe(False, None, f"{reason}; accounts are tested one by one")
    if wrong := DRIVERS[record.kind].problem(record.options, credential.secret):
        return Probe(False, None, wrong[1])
    return tried(record, upstream_of(record, "", credential, record.default_model or None), LIST)


def tried(record: ProviderRecord, upstream: Upstream, listing: WireRequest) -> Probe:
    """Ask for the models, and for one token where that says more of the credential."""
    started = time.monotonic()
    driver = DRIVERS[record.kind]
    listed = _asked(upstream, listing, started) if driver.has_models_path else Probe(False, None, NO_MODEL)
    model = record.default_model or next(iter(listed.models or record.models), "")
    there = driver.id_of(model, record.model_ids, record.options)
    trial = driver.trial(there) if model else None
    if trial is None:
        return listed
    told = _asked(structs.replace(upstream, model=there), trial, started, is_list=False)
    advice = driver.advice(record.options, told.status or 0)
    message = f"{told.message}; {advice}" if advice and not told.is_ok else told.message
    return replace(told, message=message, models=listed.models or record.models)


def _asked(upstream: Upstream, request: WireRequest, started: float, is_list: bool = True) -> Probe:
    try:
        fetched = fetch_once(upstream, request)
    except NO_ANSWER as exc:
        return Probe(False, None, f"no answer: {type(exc).__name__}", seconds=time.monotonic() - started)
    return _assessed(fetched, time.monotonic() - started, is_list)


def fetch_once(upstream: Upstream, request: WireRequest) -> Fetched:
    """Send one request over connections of its own. Raises what is in `NO_ANSWER`."""
    return asyncio.run(_fetch(upstream, request))


async def _fetch(upstream: Upstream, request: WireRequest) -> Fetched:
    transport = Transport(ClientOptions(TIMEOUT_SECONDS))
    drivers = DriverSet(transport)
    await drivers.start()
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await Sender(drivers).fetch(upstream, request, MAX_LIST_BYTES)
    finally:
        await drivers.aclose()
        await transport.aclose()


def _assessed(fetched: Fetched, seconds: float, is_list: bool = True) -> Probe:
    seen, verdict = fetched.answer, fetched.verdict
    if verdict.outcome is not Outcome.OK:
        return Probe(False, seen.status, verdict.reason, seconds=seconds)
    if not is_list:
        is_good = 200 <= seen.status < 300
        return Probe(is_good, seen.status, "ok" if is_good else "the answer is none", seconds=seconds)
    models = read_models(seen.body)
    if seen.status >= 300 or models is None:
        return Probe(False, seen.status, "the answer is no list of models", seconds=seconds)
    return Probe(True, seen.status, "ok", tuple(str(one["id"]) for one in models), seconds)
