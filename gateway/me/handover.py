"""Show `/handover/<secret>`, where somebody takes the token that was made for her: once."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from gateway.access.guards import address_of
from gateway.kernel.principal import Principal, PrincipalKind
from gateway.me import texts
from gateway.me.base import base_of, good_until, problem, shown
from gateway.personal import account, models
from gateway.telemetry import request_ids
from tokens.handover import services
from tokens.handover.services import HandoverGone, HandoverUnknown
from tokens.own import proving
from tokens.pages import handing
from tokens.people import standing


@require_http_methods(["GET", "POST"])
def handover(request: HttpRequest, secret: str) -> HttpResponseBase:
    """Answer a button, which uses nothing up; its POST takes the token, and a GET that works once shows it."""
    try:
        if request.method == "POST":
            return _taken(request, secret)
        handed = handing.taken(request)
        if handed is not None:
            return _page(request, handed)
        token = services.find(secret).token
    except HandoverGone as exc:
        return _refused(request, 410, "Nothing is here any more", exc)
    except HandoverUnknown as exc:
        return _refused(request, 404, "There is no such link", exc)
    person = "" if token.person is None else standing.address_of(token.person.user)
    return shown(request, "handover", {"token": token, "person": person})


def _taken(request: HttpRequest, secret: str) -> HttpResponseBase:
    call = request_ids.current.get()
    somebody = Principal(PrincipalKind.ANONYMOUS, "", address_of(request), "console", call)
    taken = services.take(secret, principal=somebody)
    handing.hand_over(request, taken.secret, taken.token.id)
    return redirect(request.path)


def _page(request: HttpRequest, handed: handing.Handed) -> HttpResponse:
    token = proving.alive(handed.token_id)
    known = [] if token is None else models.of(account.record_of(token))
    context = {
        "secret": handed.secret,
        "ends": None if token is None else good_until(token),
        "clients": texts.clients(base_of(request), known, handed.secret),
        "back": "/me/",
    }
    return shown(request, "secret", context)


def _refused(
    request: HttpRequest, status: int, title: str, exc: HandoverGone | HandoverUnknown
) -> HttpResponse:
    response = problem(request, status, title, f"{exc.message}. Ask whoever sent it to you for a new one.")
    response._has_been_logged = True  # type: ignore[attr-defined]  # its secret stands in the path
    return response
