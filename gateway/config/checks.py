"""Check what must hold before the gateway serves. Part of `check --deploy`; `serve` asks by itself and obeys.

Ordinary commands don't ask: a token can be issued whatever the server's address is.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from forgefed.errors import BadKey
from forgefed.signing.multikey import is_pair
from gateway.config import reading, signing_in
from gateway.config.table import Options, table
from providers.clouds.sources import is_installed
from providers.gonka.modes import REFERENCE, mode_of

SHORTEST_SECRET_BYTES = 32
FEWEST_LETTERS = 8  # different ones
_DEFAULTS = Options()

PUBLISHED_SECRETS = frozenset(
    {
        "test-secret-test-secret-test-secret-0",
        "replace-with-secure-secret-of-32-bytes-or-more",
        "change-me-change-me-change-me-change-me",
        "0123456789abcdef0123456789abcdef",
        "your-secret-key-your-secret-key-your-secret-key",
    }
)

NO_EFFECT: frozenset[str] = frozenset()
"""Options that nothing here obeys yet: taken, and said so. A test holds this list true."""


def is_public(host: str) -> bool:
    """Tell whether others than this machine can reach the address."""
    return not ipaddress.ip_address(host.strip("[]")).is_loopback


def is_weak(secret: str) -> bool:
    """Short, published, or hardly any different letters."""
    return (
        len(secret.encode()) < SHORTEST_SECRET_BYTES
        or secret in PUBLISHED_SECRETS
        or len(set(secret)) < FEWEST_LETTERS
    )


@register(Tags.security, deploy=True)
def serving(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Errors that keep `serve` from starting, and warnings it logs."""
    options = settings.GATEWAY
    left_out = [Warning(text, id="gateway.W008") for text in reading.left_out]
    found = (
        _secret(options),
        _administration(options),
        _processes(options),
        _gonka(options),
        _federation(options),
        _signing_in(options),
        _traces(options),
        _not_there_yet(options),
    )
    return [*left_out, *(problem for problems in found for problem in problems)]


def _secret(options: Options) -> Iterator[CheckMessage]:
    if not options.TOKEN_SECRET:
        yield Error("TOKEN_SECRET environment variable is required", id="gateway.E001")
    elif is_weak(options.TOKEN_SECRET):
        text = f"TOKEN_SECRET is weak: under {SHORTEST_SECRET_BYTES} bytes, published, or repetitive"
        if is_public(options.ROUTER_HOST) and not options.ALLOW_WEAK_SECRET:
            hint = "make one with `openssl rand -hex 32`, or set ALLOW_WEAK_SECRET=true"
            yield Error(f"{text}; ROUTER_HOST={options.ROUTER_HOST} is public", hint=hint, id="gateway.E002")
        else:
            yield Warning(text, hint="make one with `openssl rand -hex 32`", id="gateway.W002")


def _administration(options: Options) -> Iterator[CheckMessage]:
    if options.TOKEN_ADMIN_KEY or not is_public(options.ROUTER_HOST):
        return
    if options.ALLOW_ANONYMOUS_ADMIN:
        yield Warning("everybody who reaches the port may issue and revoke tokens", id="gateway.W003")
        return
    yield Error(
        f"ROUTER_HOST={options.ROUTER_HOST} is public and TOKEN_ADMIN_KEY is not set",
        hint="set TOKEN_ADMIN_KEY, or ROUTER_HOST=127.0.0.1, or ALLOW_ANONYMOUS_ADMIN=true",
        id="gateway.E003",
    )


def _processes(options: Options) -> Iterator[CheckMessage]:
    if options.WORKERS == 1:
        return
    if not options.DATABASE_URL:
        hint = "set DATABASE_URL, or WORKERS=1"
        yield Error(f"WORKERS={options.WORKERS} needs PostgreSQL", hint=hint, id="gateway.E004")
    if not options.REDIS_URL and not options.ALLOW_LOCAL_LIMITS:
        yield Error(
            f"WORKERS={options.WORKERS} needs Redis to count limits together",
            hint="set REDIS_URL, or ALLOW_LOCAL_LIMITS=true to let each process count for itself",
            id="gateway.E005",
        )


def _gonka(options: Options) -> Iterator[CheckMessage]:
    """Warn of a mode that nobody has chosen: it is the Rust router's, which the network does not take."""
    if options.UPSTREAM_PROVIDER == "gonka" and not options.GONKA_MODE and mode_of(options) == REFERENCE:
        yield Warning(
            "GONKA_MODE is not set: calls are signed as the Rust router signs them, and the public Gonka network "
            "takes neither these nor those of GONKA_MODE=signed",
            hint="set GONKA_BROKER_URL and GONKA_BROKER_API_KEY, or GONKA_MODE",
            id="gateway.W017",
        )


def _traces(options: Options) -> Iterator[CheckMessage]:
    if options.OTEL_EXPORTER_OTLP_ENDPOINT and not is_installed("opentelemetry.exporter"):
        text = "OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed: no traces are made"
        yield Warning(text, hint="pip install '.[otel]'", id="gateway.W019")


def _federation(options: Options) -> Iterator[CheckMessage]:
    try:
        is_own = is_pair(options.ACTIVITYPUB_PUBLIC_KEY_PEM, options.ACTIVITYPUB_PRIVATE_KEY_PEM)
        if not is_own and options.ACTIVITYPUB_PUBLIC_KEY_PEM not in (
            "",
            _DEFAULTS.ACTIVITYPUB_PUBLIC_KEY_PEM,
        ):
            text = "ACTIVITYPUB_PUBLIC_KEY_PEM is not shown: its private key is not here, and nothing could be signed"
            hint = "give its ACTIVITYPUB_PRIVATE_KEY_PEM, or leave both to the gateway"
            yield Warning(text, hint=hint, id="gateway.W009")
    except BadKey as exc:
        yield Error(f"ACTIVITYPUB_PRIVATE_KEY_PEM: {exc}", id="gateway.E008")
    own = f"{settings.ACTOR_BASE_URL}/actor/code"
    if options.CRATER_FORGEFED_ACTOR.rstrip("/") not in ("", own):
        text = f"CRATER_FORGEFED_ACTOR must be our own actor, {own}, or empty: nobody can sign for another"
        yield Error(text, id="gateway.E009")
    if options.FORGEFED_ALLOW_UNSIGNED:
        yield Warning(
            "FORGEFED_ALLOW_UNSIGNED: unsigned posts to the inbox are answered, without effect",
            id="gateway.W010",
        )


def _signing_in(options: Options) -> Iterator[CheckMessage]:
    for text in signing_in.problems(options):
        yield Error(text, id="gateway.E010")
    if options.OIDC_ISSUER.startswith("http://"):
        host = urlsplit(options.OIDC_ISSUER).hostname or ""
        if not signing_in.is_loopback_name(host):
            yield Warning(
                f"OIDC_ISSUER: who signs in is told over plain http ({options.OIDC_ISSUER})",
                hint="use the issuer's https address",
                id="gateway.W018",
            )


def _not_there_yet(options: Options) -> Iterator[CheckMessage]:
    """Refuse what would be wrong to take quietly; name what merely does nothing."""
    for name in table():
        if name in NO_EFFECT and getattr(options, name) != getattr(_DEFAULTS, name):
            yield Warning(f"{name} has no effect in this version", id="gateway.W007")
