"""Show pages of one's own; they look like the console's."""

from __future__ import annotations

import time
from collections.abc import Mapping

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from gateway.access import principals
from gateway.access.roles import Role, is_at_least
from gateway.kernel.moments import end_for_people
from tokens.errors import TokenError
from tokens.models import Token

USUAL: dict[str, object] = {"holder": None, "error": "", "is_on": False, "ends": None, "old_ends": None}
"""What pages ask for: Django logs a lookup that fails, at debug, with all that is beside it, secrets too."""


def base_of(request: HttpRequest) -> str:
    """Return our address as clients are to be told it, without a slash at its end."""
    public: str = settings.GATEWAY.PUBLIC_URL
    return public.rstrip("/") or f"{request.scheme}://{request.get_host()}"


def shown(request: HttpRequest, name: str, context: Mapping[str, object], status: int = 200) -> HttpResponse:
    """Return a page, with who is logged in and the way to the console for who may go there."""
    is_known = request.user.is_authenticated
    told = {**USUAL, "who": principals.name_of(request.user) if is_known else "", **context}
    if "has_console" not in told:
        told["has_console"] = is_known and is_at_least(request.user, Role.VIEWER)
    return TemplateResponse(request, f"me/{name}.html", told, status=status)


def problem(request: HttpRequest, status: int, title: str, words: str) -> HttpResponse:
    """Return a page that says what went wrong."""
    return shown(request, "problem", {"title": title, "words": words}, status)


def good_until(token: Token) -> str:
    """Return in words when a token ends; imported records may hold any number."""
    try:
        return end_for_people(token.expires_at, time.time())
    except (ValueError, OverflowError, OSError):
        return "for ever"


def words_of(exc: TokenError) -> str:
    """Return what an error says, as a sentence without the name of its field."""
    words = exc.message.removeprefix(f"{getattr(exc, 'param', '')}: ")
    return words[:1].upper() + words[1:]
