"""`/console/signins/`: who is signed in from which client; an admin ends one."""

from __future__ import annotations

import time
import uuid
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from gateway.access.principals import name_of
from gateway.console.pages.base import address, given, only, page, principal_of
from gateway.console.pages.inputs import read
from gateway.console.pages.records import ROWS, Action, Cell, Filter, Listing, Row, moment, page_of, portion
from gateway.kernel.asking import BadParameter, text
from tokens.signin import ending
from tokens.signin.models import SignIn

PATH = "/console/signins/"
VIEW, CHANGE = "tokens.view_signin", "tokens.change_signin"
STATES = ("running", "over")


@require_safe
@page("records", VIEW)
def listing(request: HttpRequest) -> HttpResponseBase:
    asked, now = given(request), time.time()
    only(asked, ("q", "state", "after"))
    newest = SignIn.objects.order_by("-started_at", "-id")
    # The keys alone first: sorting takes everything along that is asked for.
    wanted = newest.filter(_wanted(asked, now), _behind(asked.get("after", ""))).values("pk")[: ROWS + 1]
    rows, has_more = portion(newest.select_related("user", "token").filter(pk__in=wanted))
    may_end = request.user.has_perm(CHANGE)
    shown = Listing(
        "signins",
        "Sign-ins",
        PATH,
        (Filter("q", "Person or client"), Filter("state", "State", STATES)),
        ("Person", "State", "Client", "Since", "Last used", "Until", "Calls"),
        [_row(row, now, may_end) for row in rows],
        f"{rows[-1].started_at}.{rows[-1].pk}" if has_more else "",
    )
    return page_of(request, asked, shown)


def _wanted(asked: dict[str, str], now: float) -> Q:
    wanted, words = Q(), text("q", asked.get("q", ""))
    if words:
        wanted &= (
            Q(user__email__icontains=words) | Q(user__username__icontains=words) | Q(client__icontains=words)
        )
    running = Q(revoked_at=None, user__isnull=False, ends_at__gt=now)
    state = asked.get("state")
    if state not in (None, *STATES):
        raise BadParameter("state", f"must be one of {', '.join(STATES)}")
    return wanted & (Q() if state is None else running if state == STATES[0] else ~running)


def _behind(after: str) -> Q:
    if not after:
        return Q()
    try:
        at, _, pk = after.partition(".")
        return Q(started_at__lt=int(at)) | Q(started_at=int(at), pk__lt=uuid.UUID(pk))
    except ValueError:
        raise BadParameter("after", "must be of the page before") from None


def _row(row: SignIn, now: float, may_end: bool) -> Row:
    is_running = row.is_alive(now)
    who = "" if row.user is None else name_of(row.user)
    token: Any = getattr(row, "token", None)
    cells = (
        Cell(who or "removed", address(PATH, {"q": who}) if who else ""),
        Cell("running" if is_running else "over"),
        Cell(row.client or row.surface),
        moment(row.started_at),
        moment(row.last_used_at),
        moment(row.ends_at),
        Cell("calls", address("/console/requests/", {"token": token.pk})) if token is not None else Cell(""),
    )
    actions = (Action("End", f"{PATH}{row.pk}/end/", "end"),) if is_running and may_end else ()
    return Row(str(row.pk), cells, actions)


@require_POST
@page("records", VIEW, CHANGE)
def end(request: HttpRequest, sign_in: uuid.UUID) -> HttpResponseBase:
    """End a sign-in: its bearer and its refresh token are good no more."""
    read((), request.POST)
    row = SignIn.objects.select_related("user").filter(pk=sign_in).first()
    if row is None:
        raise Http404
    if ending.end([row], "an admin ended it", principal=principal_of(request)):
        messages.success(request, "The sign-in was ended.")
    else:
        messages.error(request, "It was over already.")
    return redirect(PATH)
