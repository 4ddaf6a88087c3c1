"""Show the page where a person lets a client in, and take her decision. Looking at it changes nothing of it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from urllib.parse import urlencode

import orjson
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods, require_POST

from gateway.access import principals
from gateway.access.gate import bucket_of
from gateway.access.guards import address_of
from gateway.signin import sessions
from gateway.signin.base import base_of, host_of, served
from gateway.signin.turns import in_turn
from gateway.tries import counting
from gateway.tries.counting import Rule, TooMany
from tokens.signin import device
from tokens.signin.errors import CodeGone
from tokens.signin.models import DeviceCode

CODE = "user_code"
LOGIN = "/login/"
WINDOW_SECONDS = 600.0
OUTCOMES = {
    "approved": "You are signed in there. You can close this page and go back to your terminal.",
    "denied": "Refused: nobody was signed in.",
}


def shown(
    request: HttpRequest, template: str, context: dict[str, object], status: int = 200
) -> TemplateResponse:
    """Return a page of signing in. Its headers are those of every page (`gateway.api.middleware`)."""
    return TemplateResponse(request, f"signin/{template}.html", context, status=status)


@served
@in_turn
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest) -> HttpResponseBase:
    """`GET /device` shows who asks; `POST /device` lets it in."""
    if request.method == "POST":
        return _decided(request, "approved")
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path(), LOGIN)
    if request.GET.get("outcome") in OUTCOMES:
        return _page(request, {"outcome": OUTCOMES[request.GET["outcome"]]})
    typed = request.GET.get(CODE)
    if typed is None:
        return _page(request, {})
    try:
        row = _found(request, typed)
    except TooMany as exc:
        return _too_many(request, exc)
    except CodeGone:
        return _gone(request, typed)
    if sessions.is_spent(request):  # one login at the issuer vouches for one sign-in
        return redirect(f"/oauth/oidc?{urlencode({'next': f'/device?{CODE}={row.user_code}'})}")
    return _page(request, {"code": row})


@served
@in_turn
@require_POST
def deny(request: HttpRequest) -> HttpResponseBase:
    """`POST /device/deny` keeps the client out."""
    return _decided(request, "denied")


def _decided(request: HttpRequest, outcome: str) -> HttpResponseBase:
    """Approve or refuse; the answer leads to a page that tells what was done, so that reloading does nothing."""
    typed = request.POST.get(CODE, "")
    if not isinstance(request.user, User):
        return redirect_to_login(f"/device?{urlencode({CODE: typed})}" if typed else "/device", LOGIN)
    principal = principals.of_login(request, address_of(request), "login")
    try:
        row = _found(request, typed)
        if outcome == "approved":
            if sessions.is_spent(request):
                return redirect(f"/oauth/oidc?{urlencode({'next': f'/device?{CODE}={row.user_code}'})}")
            issuer_token = sessions.spend(request)
            device.approve(row.user_code, request.user, issuer_token, principal=principal)
        else:
            device.deny(row.user_code, request.user, principal=principal)
    except TooMany as exc:
        return _too_many(request, exc)
    except CodeGone:
        return _gone(request, typed)
    return redirect(f"/device?outcome={outcome}")


def _found(request: HttpRequest, typed: str) -> DeviceCode:
    """Return what waits with this code. A wrong one counts, whoever guesses. Raises `CodeGone`, `TooMany`."""
    rule = Rule("device-code", settings.GATEWAY.DEVICE_TRIES, WINDOW_SECONDS)
    kept = [(rule, bucket_of(address_of(request)))]
    counting.check(kept, time.time())
    try:
        return device.waiting(typed)
    except CodeGone:
        if not _outcome_of(request, typed):
            counting.count(kept, time.time())
        raise


def _outcome_of(request: HttpRequest, typed: str) -> str:
    """Return what she has decided on this code: who clicks twice has not guessed."""
    return device.decided(typed, request.user) if isinstance(request.user, User) else ""


def _page(request: HttpRequest, context: dict[str, object], status: int = 200) -> HttpResponse:
    base = base_of(request)
    row = context.get("code")
    if isinstance(row, DeviceCode):
        context["asked_at"] = datetime.fromtimestamp(row.created_at, UTC)
    told = {
        "host": host_of(base),
        "notice": settings.GATEWAY.LOGIN_NOTICE,
        "lines": _lines(base),
        **context,
    }
    return shown(request, "device", told, status)


def _lines(base: str) -> str:
    """Return what Claude Code needs in its settings, since `/login` asks for no address."""
    wanted = {"forceLoginMethod": "gateway", "forceLoginGatewayUrl": base}
    return orjson.dumps(wanted, option=orjson.OPT_INDENT_2).decode()


def _gone(request: HttpRequest, typed: str) -> HttpResponseBase:
    outcome = _outcome_of(request, typed)
    if outcome:
        return redirect(f"/device?outcome={outcome}")
    error = "This code is not known, or it is over. Check it, or begin again in your terminal."
    return _page(request, {"typed": typed[:64], "error": error}, 400)


def _too_many(request: HttpRequest, exc: TooMany) -> HttpResponse:
    minutes = -(-exc.wait_seconds // 60)
    text = (
        f"Too many wrong codes came from this address. Try again in {minutes} minute{'s' * (minutes != 1)}."
    )
    response = _page(request, {"error": text, "is_locked": True}, 429)
    response["Retry-After"] = str(exc.wait_seconds)
    return response
