"""`/console/federation/`: what goes out and how often it was tried, who follows whom, which servers we talk to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from forgefed import deliveries, following, hosts
from forgefed.errors import ForgefedError
from forgefed.models import Delivery, DeliveryState, Follower, Following, FollowState, RemoteHost
from gateway.console.pages.base import address, given, only, page, principal_of
from gateway.console.pages.inputs import Input, read
from gateway.console.pages.records import ROWS, Action, Cell, Filter, Listing, Row, moment, page_of, portion
from gateway.kernel.asking import BadParameter, text

PATH = "/console/federation/"
VIEW = tuple(f"forgefed.view_{name}" for name in ("delivery", "follower", "following", "remotehost"))
Show = Callable[[Any, bool], Row]


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the lists: its rows, which are searched by these columns, and how one is shown."""

    rows: Any
    searched: Sequence[str]
    columns: Sequence[str]
    show: Show
    change: str
    states: Sequence[str] = ()


def _delivery(row: Delivery, may: bool) -> Row:
    is_over = row.state == DeliveryState.DELIVERED
    cells = (
        Cell(row.recipient, title=row.recipient),
        Cell(row.activity.kind),
        Cell(str(row.state), is_bad=row.state == DeliveryState.FAILED),
        Cell(str(row.attempts)),
        moment(row.next_at if row.state == DeliveryState.WAITING else None),
        Cell("" if row.last_status is None else str(row.last_status)),
        Cell(row.last_error, title=row.last_error),
        Cell(row.host, address(PATH, {"list": "servers", "q": row.host})),
    )
    actions = () if is_over or not may else (Action("Try now", f"{PATH}retry/{row.pk}/", "retry"),)
    return Row(str(row.pk), cells, actions)


def _follower(row: Follower, may: bool) -> Row:
    return Row(str(row.pk), (Cell(row.uri, title=row.uri), Cell(row.inbox_uri), moment(row.followed_at)))


def _following(row: Following, may: bool) -> Row:
    cells = (
        Cell(row.uri, title=row.uri),
        Cell(str(row.state), is_bad=row.state == FollowState.REJECTED),
        moment(row.asked_at),
        moment(row.answered_at),
        Cell("deliveries", address(PATH, {"list": "deliveries", "q": row.uri})),
    )
    return Row(
        str(row.pk),
        cells,
        (Action("Stop following", f"{PATH}unfollow/{row.pk}/", "unfollow"),) if may else (),
    )


def _server(row: RemoteHost, may: bool) -> Row:
    cells = (
        Cell(row.host, address(PATH, {"list": "deliveries", "q": row.host})),
        Cell("blocked" if row.is_blocked else "", is_bad=row.is_blocked),
        Cell(row.scheme),
        moment(row.failing_since),
        moment(row.retry_at),
    )
    word = "unblock" if row.is_blocked else "block"
    return Row(
        str(row.pk), cells, (Action(word.capitalize(), f"{PATH}{word}/{row.pk}/", word),) if may else ()
    )


KINDS = {
    "deliveries": Kind(
        Delivery.objects.select_related("activity"),
        ("recipient", "host"),
        ("To", "What", "State", "Tries", "Next", "Answer", "Why", "Server"),
        _delivery,
        "forgefed.change_delivery",
        DeliveryState.values,
    ),
    "followers": Kind(
        Follower.objects.all(), ("uri",), ("Who", "Inbox", "Since"), _follower, "forgefed.change_follower"
    ),
    "following": Kind(
        Following.objects.all(),
        ("uri",),
        ("Whom", "State", "Asked", "Answered", "Sent"),
        _following,
        "forgefed.change_following",
        FollowState.values,
    ),
    "servers": Kind(
        RemoteHost.objects.all(),
        ("host",),
        ("Server", "State", "Signatures", "Away since", "Tried again"),
        _server,
        "forgefed.change_remotehost",
    ),
}
USUAL = "deliveries"


@require_safe
@page("records", *VIEW)
def listing(request: HttpRequest) -> HttpResponseBase:
    asked = given(request)
    only(asked, ("list", "q", "state", "after"))
    name = asked.get("list", USUAL)
    if name not in KINDS:
        raise BadParameter("list", f"must be one of {', '.join(KINDS)}")
    kind = KINDS[name]
    rows, has_more = portion(kind.rows.filter(_wanted(kind, asked)).order_by("-pk")[: ROWS + 1])
    may = request.user.has_perm(kind.change)
    shown = Listing(
        "federation",
        "Federation",
        PATH,
        (Filter("q", "Search"), *((Filter("state", "State", kind.states),) if kind.states else ())),
        kind.columns,
        [kind.show(row, may) for row in rows],
        str(rows[-1].pk) if has_more else "",
        [(each, address(PATH, {"list": each}), each == name) for each in KINDS],
    )
    adding = None
    if name == "following" and request.user.has_perm("forgefed.add_following"):
        adding = {
            "url": f"{PATH}follow/",
            "label": "Actor",
            "name": "uri",
            "hook": "follow",
            "button": "Follow",
        }
    return page_of(request, asked, shown, adding=adding)


def _wanted(kind: Kind, asked: dict[str, str]) -> Q:
    wanted, words = Q(), text("q", asked.get("q", ""))
    for column in kind.searched if words else ():
        wanted |= Q(**{f"{column}__icontains": words})
    if "state" in asked:
        if asked["state"] not in kind.states:
            raise BadParameter("state", f"must be one of {', '.join(kind.states) or 'none'}")
        wanted &= Q(state=asked["state"])
    if "after" in asked:
        if not asked["after"].isascii() or not asked["after"].isdecimal() or len(asked["after"]) > 18:
            raise BadParameter("after", "must be of the page before")
        wanted &= Q(pk__lt=int(asked["after"]))
    return wanted


@require_POST
@page("records", *VIEW, "forgefed.change_delivery")
def retry(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Have a delivery tried at once, also one that was given up."""
    read((), request.POST)
    row = _found(Delivery.objects.select_related("activity").exclude(state=DeliveryState.DELIVERED), pk)
    deliveries.retry_now(row, principal_of(request))
    messages.success(request, f"The delivery to {row.recipient} is tried now.")
    return redirect(address(PATH, {"list": "deliveries"}))


@require_POST
@page("records", *VIEW, "forgefed.add_following")
def follow(request: HttpRequest) -> HttpResponseBase:
    uri = read((Input("uri", "Actor"),), request.POST)["uri"]
    try:
        following.follow(uri, principal_of(request))
    except ForgefedError as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, f"{uri} was asked.")
    return redirect(address(PATH, {"list": "following"}))


@require_POST
@page("records", *VIEW, "forgefed.change_following")
def unfollow(request: HttpRequest, pk: int) -> HttpResponseBase:
    read((), request.POST)
    row = _found(Following.objects.all(), pk)
    following.unfollow(row.uri, principal_of(request))
    messages.success(request, f"{row.uri} is no longer followed.")
    return redirect(address(PATH, {"list": "following"}))


@require_POST
@page("records", *VIEW, "forgefed.change_remotehost")
def block(request: HttpRequest, word: str, pk: int) -> HttpResponseBase:
    """Stop talking to a server, or begin again."""
    read((), request.POST)
    row = _found(RemoteHost.objects.all(), pk)
    hosts.block(row.host, word == "block", principal_of(request))
    messages.success(request, f"{row.host} is {'blocked' if word == 'block' else 'not blocked any more'}.")
    return redirect(address(PATH, {"list": "servers"}))


def _found(rows: Any, pk: int) -> Any:
    row = rows.filter(pk=pk).first()
    if row is None:
        raise Http404
    return row
