"""Check payments before the gateway serves. Registered by being imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from gateway.payments import options


@register(Tags.security, deploy=True)
def paying(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Return an error for each setting of payments that can't be obeyed; nothing while they are off."""
    gateway = settings.GATEWAY
    found: list[CheckMessage] = [
        Error(f"{name} {text}", hint="or set MPP_ENABLE=false", id="gateway.E020")
        for name, text in options.problems(gateway)
    ]
    if gateway.MPP_ENABLE and options.is_in_clear(settings.ACTOR_BASE_URL):
        text = (
            f"MPP_ENABLE: callers are asked for payments over plain http ({settings.ACTOR_BASE_URL}); "
            "credentials must not travel in clear"
        )
        hint = "put a proxy with TLS in front, and set ACTIVITYPUB_ACTOR_BASE_URL to its https address"
        found.append(Warning(text, hint=hint, id="gateway.W020"))
    return found
