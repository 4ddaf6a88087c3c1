"""Asking a provider, with its own key, which models it has: one small call that costs no tokens. Blocking."""

from __future__ import annotations

import time
from dataclasses import dataclass

import httpx

from providers import services
from providers.dialects.types import WireAnswer, WireRequest
from providers.drivers.base import Outcome
from providers.listing import read_models
from providers.records import ProviderRecord
from providers.registry import DRIVERS
from providers.store import record_of
from providers.upstream import Upstream

TIMEOUT_SECONDS = 15.0
LIST = WireRequest("GET", b"/v1/models", b"", ((b"accept", b"application/json"),), b"")


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of it. `status` None: no answer."""

    is_ok: bool
    status: int | None
    message: str
    models: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def told(self) -> str:
        """For people: the status where one came, and what it means."""
        return self.message if self.status is None else f"{self.status}, {self.message}"


def probe(name: str) -> Probe:
    """Calls a stored provider. Raises `UnknownProvider`."""
    return ask(record_of(services.get(name)))


def ask(record: ProviderRecord) -> Probe:
    """Calls it as the record says."""
    credential = record.own_credential()
    if credential is None:
        reason = "its stored key does not open" if record.is_key_unreadable else "no key of its own"
        return Probe(False, None, f"{reason}; accounts are tested one by one")
    upstream = Upstream(record.name, record.kind, record.base_url, "", credential, None, record.headers)
    request = DRIVERS[record.kind].build(upstream, LIST)
    request.headers.setdefault("host", request.url.netloc.decode())
    started = time.monotonic()
    try:
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False) as client:
            answer = client.send(request)
    except (httpx.HTTPError, OSError) as exc:
        return Probe(False, None, f"no answer: {type(exc).__name__}", seconds=time.monotonic() - started)
    return _judged(record, answer, time.monotonic() - started)


def _judged(record: ProviderRecord, answer: httpx.Response, seconds: float) -> Probe:
    headers = tuple((key.lower(), value) for key, value in answer.headers.raw)
    seen = WireAnswer(answer.status_code, headers, answer.content)
    verdict = DRIVERS[record.kind].classify(seen, time.time())
    if verdict.outcome is not Outcome.OK:
        return Probe(False, seen.status, verdict.reason, seconds=seconds)
    models = read_models(answer.content)
    if seen.status >= 300 or models is None:
        return Probe(False, seen.status, "the answer is no list of models", seconds=seconds)
    return Probe(True, seen.status, "ok", tuple(str(one["id"]) for one in models), seconds)
