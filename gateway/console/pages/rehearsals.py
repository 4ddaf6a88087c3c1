"""`/console/rehearse/`: the form of a rehearsal; and its end, by the button that every page has meanwhile."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import UnknownAccount
from gateway.console.pages.base import given, may_operate, only, page, principal_of, problem, shown
from gateway.rehearsals import services
from gateway.rehearsals.errors import BadRehearsal, RehearsalNotFound
from gateway.rehearsals.models import Fault
from providers.errors import UnknownProvider

HOME = "/console/"
TARGETS = ("account", "provider")


@require_http_methods(["GET", "POST"])
@page("overview")
def rehearse(request: HttpRequest) -> HttpResponseBase:
    """Show the form for an account or a provider, or start what it says."""
    if not may_operate(request):
        return refused(request)
    asked = given(request)
    only(asked, TARGETS)
    said = request.POST if request.method == "POST" else request.GET
    values: dict[str, Any] = {name: str(said[name]) for name in TARGETS if said.get(name)}
    if request.method == "GET":
        return _form(request, {"fault": "429", "calls": 3, "seconds": services.USUAL_SECONDS, **values})
    values |= {
        "fault": str(said.get("fault", "")),
        **{name: _number(said.get(name)) for name in ("calls", "seconds")},
    }
    try:
        services.start(values, principal=principal_of(request))
    except (UnknownAccount, UnknownProvider) as exc:
        raise Http404 from exc
    except BadRehearsal as exc:
        return _form(request, values, exc)
    return redirect(HOME)


@require_POST
@page("overview")
def end(request: HttpRequest, rehearsal_id: str) -> HttpResponseBase:
    """End a rehearsal and lead back to the overview; one that has ended by itself is no problem."""
    if not may_operate(request):
        return refused(request)
    with suppress(RehearsalNotFound):
        services.end(rehearsal_id, principal=principal_of(request))
    return redirect(HOME)


def refused(request: HttpRequest) -> HttpResponseBase:
    return problem(request, 403, "You may not do this", "This needs the role of an operator.")


def _form(request: HttpRequest, values: dict[str, Any], exc: BadRehearsal | None = None) -> HttpResponseBase:
    context = {
        "values": {"account": "", "provider": "", **values},
        "faults": Fault.choices,
        "problem": exc,
        "field": exc.param if exc else "",
    }
    return shown(request, "rehearse", context, 200 if exc is None else 400)


def _number(value: object) -> object:
    """Return a number that was written; None for nothing, the text for what is none."""
    text = str(value or "").strip()
    if not text:
        return None
    return int(text) if text.isascii() and text.isdecimal() else text
