"""Replace a token's secret on its owner's page, and show the new one once."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from gateway.me import holders, texts
from gateway.me.base import base_of, problem, shown
from gateway.personal import account, models
from tokens import services
from tokens.errors import TokenError
from tokens.own import proving
from tokens.pages import handing, showing

PATH, HERE = "/me/", "/me/rotate"
GRACE_SECONDS = 3600


@require_http_methods(["GET", "POST"])
def rotate(request: HttpRequest) -> HttpResponseBase:
    """Answer `POST /me/rotate`; the page with the secret is a GET that works once."""
    if request.method == "POST":
        return _rotated(request)
    handed = handing.taken(request)
    if handed is None:
        return redirect(PATH)
    token = proving.alive(handed.token_id)
    known = [] if token is None else models.of(account.record_of(token))
    context = {
        "secret": handed.secret,
        "old_ends": handed.old_ends,
        "clients": texts.clients(base_of(request), known, handed.secret),
        "back": back_to(request, handed.token_id),
    }
    return shown(request, "secret", context)


def back_to(request: HttpRequest, token_id: str) -> str:
    """Return the page of a token, as whoever looks may see it."""
    return f"{PATH}?{urlencode({'token': token_id})}" if request.user.is_authenticated else PATH


def _rotated(request: HttpRequest) -> HttpResponseBase:
    holder = holders.of(request)
    if holder is None:
        return redirect(PATH)
    token = holder.own(request.POST.get("token", ""))
    if token is None:
        return problem(request, 404, "There is no such token", "It may have ended, or it is not yours.")
    grace = 0 if request.POST.get("now") else GRACE_SECONDS
    try:
        done = services.rotate(token.id, grace, principal=holders.principal_of(request, holder))
    except TokenError as exc:
        return problem(request, 409, "This token can't be rotated", exc.message)
    issued = done.issued
    handing.hand_over(request, issued.secret, issued.token.id, showing.moment(done.old_ends_at))
    if holder.user is None:
        request.session[holders.KEY] = issued.token.id
    return redirect(HERE)
