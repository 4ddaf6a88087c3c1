"""Answer what a browser asks for by itself: the icon, robots.txt, `/`, `/admin`. No token, no session, no row."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from gateway.access.roles import Role, is_at_least
from gateway.console.pages.base import login_address
from gateway.entrypoints import django_entry_point, wants_page

ICON = Path(__file__).parent.parent / "static" / "gateway" / "favicon.ico"
ROBOTS = "User-agent: *\nDisallow: /\n"
PAGES = ("admin", "console", "login", "me")
WEEK_SECONDS = 7 * 24 * 3600


@cache
def _icon() -> bytes:
    return ICON.read_bytes()


@require_safe
def icon(request: HttpRequest) -> HttpResponse:
    """`GET /favicon.ico`."""
    return _kept(HttpResponse(_icon(), content_type="image/x-icon"))


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """`GET /robots.txt`: nothing here is for search engines."""
    return _kept(HttpResponse(ROBOTS, content_type="text/plain"))


def _kept(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = f"public, max-age={WEEK_SECONDS}"
    return response


@require_safe
def forgotten(request: HttpRequest) -> HttpResponseBase:
    """`GET /admin` and the like: the slash was forgotten."""
    query = request.META.get("QUERY_STRING")
    return redirect(f"/{request.path.strip('/')}/" + (f"?{query}" if query else ""), permanent=True)


@csrf_exempt
async def root(request: HttpRequest) -> HttpResponseBase:
    """`GET /` leads people in; for programs it is the path that it is for every other method."""
    if not wants_page(request.method or "", request.headers.get("Accept", "")):
        return await django_entry_point(request)
    response = redirect(await sync_to_async(_inside)(request))
    response["Cache-Control"] = "no-store"
    response["Vary"] = "Accept"
    return response


def _inside(request: HttpRequest) -> str:
    """Return where somebody belongs: staff to the console, others to their own page, who is nobody yet to the login."""
    if not request.user.is_authenticated:
        return f"{login_address(request)}?next=/"
    if settings.GATEWAY.DISABLE_CONSOLE:
        return "/admin/"
    return "/console/" if is_at_least(request.user, Role.VIEWER) else "/me/"


def urls() -> list[URLPattern]:
    return [
        path("favicon.ico", icon),
        path("robots.txt", robots),
        *(path(name, forgotten) for name in PAGES),
        path("", root),
    ]
