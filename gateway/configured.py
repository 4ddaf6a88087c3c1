"""What the settings mean to the road: read once, when a process builds it."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings

from gateway import guards
from gateway.access import Caller
from gateway.house import RelayOptions
from gateway.pulse import PulseOptions
from gateway.surfaces import SURFACES, Family, Table
from gateway.wire import Request
from tokens.registry import Registry

API_FORMATS = {Family.ANTHROPIC: "anthropic", Family.BEDROCK: "bedrock", Family.VERTEX: "vertex"}


def _hidden() -> frozenset[Family]:
    """What the `DISABLE_*` switches and `UPSTREAM_API_FORMAT` take out of the table: unknown paths from then on."""
    hidden: set[Family] = set()
    only = settings.UPSTREAM_API_FORMAT
    hidden.update(family for family, word in API_FORMATS.items() if only and word != only)
    if settings.DISABLE_ANTHROPIC_API:
        hidden.update(API_FORMATS)
    if settings.DISABLE_OPENAI_API:
        hidden.add(Family.OPENAI)
    if settings.DISABLE_ANTHROPIC_API and settings.DISABLE_OPENAI_API:
        hidden.add(Family.SHARED)
    return frozenset(hidden)


def _peer(request: Request) -> str:
    return request.peer


def _peer_behind_proxies(request: Request) -> str:
    return guards.gate().peer(Caller(request.peer, request.method, request.headers)).address


def pulse_options() -> PulseOptions:
    return PulseOptions(
        settings.PING_SECONDS,
        settings.UPSTREAM_FIRST_BYTE_TIMEOUT_SECONDS,
        settings.UPSTREAM_IDLE_TIMEOUT_SECONDS,
    )


def relay_options() -> RelayOptions:
    return RelayOptions(settings.MAX_BODY_BYTES, settings.RETRY_ATTEMPTS, settings.RETRY_SECONDS)


def table() -> Table:
    return Table((row for row in SURFACES if row.family not in _hidden()), settings.ANTHROPIC_EXTRA_PATHS)


def registry() -> Registry:
    accepts = settings.STORAGE_POLICY == "memory" or settings.TOKEN_ACCEPT_UNRECORDED
    return Registry(settings.TOKEN_SECRET.encode(), accepts)


def peer() -> Callable[[Request], str]:
    """Who a caller is: the address itself, or the one behind the proxies that are trusted."""
    return _peer_behind_proxies if settings.TRUSTED_PROXIES else _peer
