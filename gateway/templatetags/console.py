"""What templates ask for themselves: `{% console_overview as overview %}`, and the set-up of a new token."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest

from gateway.console.overview import Overview, overview
from gateway.me import texts
from gateway.me.base import base_of
from gateway.personal import account, models
from tokens import services

register = template.Library()


@register.simple_tag
def console_overview() -> Overview:
    """Return the content of the admin's first page."""
    return overview()


@register.simple_tag(takes_context=True)
def console_setup(context: dict[str, Any], secret: str, token_id: str) -> list[texts.Client]:
    """Return how each client is set up with a token that was just made, for bash and PowerShell."""
    request: HttpRequest = context["request"]
    known = models.of(account.record_of(services.get(token_id)))
    return texts.clients(base_of(request), known, secret)
