"""What must hold before the gateway serves. Part of `check --deploy`; `serve` asks by itself and obeys.

Ordinary commands don't ask: a token can be issued whatever the server's address is.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from gateway.option_table import Options, table

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

NO_EFFECT = frozenset(
    {
        "EXPERIMENTAL_COMPATIBILITY",
        "ROUTING_MODE",
        "CLAUDE_CLI_BIN",
        "GONKA_PRIVATE_KEY",
        "GONKA_SOURCE_URL",
        "GONKA_MODEL",
        "CRATER_FORGEFED_INBOX",
        "CRATER_FORGEFED_ACTOR",
        "CRATER_FORGEFED_TARGET",
        "CRATER_POLL_INTERVAL_MS",
        "CRATER_POLL_TIMEOUT_SECS",
        "MPP_AMOUNT",
        "MPP_CURRENCY",
        "MPP_RECIPIENT",
        "MPP_METHOD",
    }
)
"""Options that nothing here obeys yet: taken, and said so. A test holds this list true."""

SERVED_PROVIDERS = ("anthropic", "openai-compatible")


def is_public(host: str) -> bool:
    """Whether others than this machine can reach the address."""
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
    return [*_secret(), *_administration(), *_processes(), *_not_there_yet()]


def _secret() -> Iterator[CheckMessage]:
    if not settings.TOKEN_SECRET:
        yield Error("TOKEN_SECRET environment variable is required", id="gateway.E001")
    elif is_weak(settings.TOKEN_SECRET):
        text = f"TOKEN_SECRET is weak: under {SHORTEST_SECRET_BYTES} bytes, published, or repetitive"
        if is_public(settings.ROUTER_HOST) and not settings.ALLOW_WEAK_SECRET:
            hint = "make one with `openssl rand -hex 32`, or set ALLOW_WEAK_SECRET=true"
            yield Error(f"{text}; ROUTER_HOST={settings.ROUTER_HOST} is public", hint=hint, id="gateway.E002")
        else:
            yield Warning(text, hint="make one with `openssl rand -hex 32`", id="gateway.W002")


def _administration() -> Iterator[CheckMessage]:
    if settings.TOKEN_ADMIN_KEY or not is_public(settings.ROUTER_HOST):
        return
    if settings.ALLOW_ANONYMOUS_ADMIN:
        yield Warning("everybody who reaches the port may issue and revoke tokens", id="gateway.W003")
        return
    yield Error(
        f"ROUTER_HOST={settings.ROUTER_HOST} is public and TOKEN_ADMIN_KEY is not set",
        hint="set TOKEN_ADMIN_KEY, or ROUTER_HOST=127.0.0.1, or ALLOW_ANONYMOUS_ADMIN=true",
        id="gateway.E003",
    )


def _processes() -> Iterator[CheckMessage]:
    if settings.WORKERS == 1:
        return
    if not settings.DATABASE_URL:
        hint = "set DATABASE_URL, or WORKERS=1"
        yield Error(f"WORKERS={settings.WORKERS} needs PostgreSQL", hint=hint, id="gateway.E004")
    if not settings.REDIS_URL and not settings.ALLOW_LOCAL_LIMITS:
        yield Error(
            f"WORKERS={settings.WORKERS} needs Redis to count limits together",
            hint="set REDIS_URL, or ALLOW_LOCAL_LIMITS=true to let each process count for itself",
            id="gateway.E005",
        )


def _not_there_yet() -> Iterator[CheckMessage]:
    """What would be wrong to take quietly is refused; what merely does nothing is named."""
    if settings.MPP_ENABLE:
        text = "MPP_ENABLE: this version asks nobody for payments"
        yield Error(text, hint="set MPP_ENABLE=false", id="gateway.E006")
    if settings.UPSTREAM_PROVIDER not in SERVED_PROVIDERS:
        yield Error(
            f"UPSTREAM_PROVIDER={settings.UPSTREAM_PROVIDER} is not served by this version",
            hint="one of: " + ", ".join(SERVED_PROVIDERS),
            id="gateway.E007",
        )
    for name in table():
        if name in NO_EFFECT and getattr(settings, name) != getattr(_DEFAULTS, name):
            yield Warning(f"{name} has no effect in this version", id="gateway.W007")
