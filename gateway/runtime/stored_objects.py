"""Build what keeps stored objects apart, so that the composition need not know how."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from gateway.access import guards
from gateway.config.table import Options
from gateway.exchange.downstream import Request
from gateway.exchange.stored_responses import MemoryBackend, RedisBackend, ResponsesStore
from gateway.exchange.surfaces import EXTRA_DIALECT
from gateway.kernel.sealing import BoxSealer
from gateway.objects.calls import Objects
from gateway.objects.store import ObjectStore
from gateway.shared.redis import Shared
from providers.catalog.catalog import Catalog
from providers.catalog.records import Route, Want


def made(options: Options, shared: Shared | None, catalog: Catalog) -> Objects | None:
    """Return the objects of one event loop; None with `STORED_OBJECTS=shared`."""
    if options.STORED_OBJECTS != "own":
        return None

    def native_routes(provider: str) -> Sequence[Route]:
        return catalog.routes(Want(EXTRA_DIALECT, None, provider, is_native=True))

    return Objects(ObjectStore(shared), base_of(options), native_routes)


def responses_store(options: Options, shared: Shared | None, sealer: BoxSealer) -> ResponsesStore:
    """Return where Responses are kept to be continued: in Redis where processes share, else in this one."""
    seconds = options.RESPONSES_STORE_SECONDS
    if shared is None:
        return ResponsesStore(MemoryBackend(seconds, time.time), sealer)
    return ResponsesStore(RedisBackend(shared.client, seconds), sealer)


def base_of(options: Options) -> Callable[[Request], str]:
    """Return what tells how a caller reached us: scheme and host, as a trusted proxy tells them, else as the call does.

    A proxy that ends TLS and is not trusted is known by `PUBLIC_URL`, else by `ACTIVITYPUB_ACTOR_BASE_URL`, where
    that names the same host.
    """
    public = urlsplit(options.PUBLIC_URL or options.ACTIVITYPUB_ACTOR_BASE_URL)

    def base(request: Request) -> str:
        told = {
            name: value.decode("latin-1") for name, value in reversed(request.headers) if name in _OF_ADDRESS
        }
        scheme, host = "http", told.get(b"host", "")
        if guards.gate().trusts(request.peer):
            host = told.get(b"x-forwarded-host", host).split(",")[-1].strip()
            scheme = told.get(b"x-forwarded-proto", scheme).split(",")[-1].strip().lower()
        elif public.netloc and host == public.netloc:
            scheme = public.scheme
        return f"{'https' if scheme == 'https' else 'http'}://{host}"

    return base


_OF_ADDRESS = frozenset((b"host", b"x-forwarded-host", b"x-forwarded-proto"))
