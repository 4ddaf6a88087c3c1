"""`/console/people/person/`: one person, her tokens, her role and groups; somebody made, changed, signed out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gateway.console import holders
from gateway.console.pages.base import given, only, page, principal_of, shown
from gateway.console.pages.inputs import Input, drawn, read, with_period
from gateway.kernel.asking import BadParameter
from tokens.errors import BadTokenField, TokenError
from tokens.groups import services as groups
from tokens.models import BudgetPeriod
from tokens.people import roles, services, standing
from tokens.people.errors import PersonExists, PersonNotFound
from tokens.totp import services as totp

ADD, CHANGE = "auth.add_user", "auth.change_user"
PATH = "/console/people/person/"
ROLES = (
    ("", "none"),
    ("developer", "developer: her own page"),
    ("viewer", "viewer: looks"),
    ("operator", "operator: accounts, providers, ends tokens"),
    ("admin", "admin: everything"),
)
PLAIN = (
    Input("name", "Name"),
    Input("role", "Role", "choice", "What she may do in this console; takes effect within a second", ROLES),
    Input(
        "budget", "Budget", help="For all her sign-ins together; empty: the budget for her group's members"
    ),
    Input(
        "budget_period",
        "Budget period",
        "choice",
        "Required with a budget",
        [("", "–"), *BudgetPeriod.choices],
    ),
)
NEW = (
    Input("email", "E-mail", is_required=True),
    Input("password", "Password", "secret", "Empty: she can sign in only at the issuer"),
    *PLAIN,
)
KNOWN = (*PLAIN, Input("active", "May come in", "flag"))


@require_safe
@page("people")
def one(request: HttpRequest) -> HttpResponseBase:
    asked = given(request)
    only(asked, ("email",))
    return _page(request, _found(asked.get("email", "")))


def _page(request: HttpRequest, user: User, status: int = 200, **forms: Any) -> HttpResponse:
    """Show a person; `forms`: those that were sent and are wrong."""
    card = holders.of_person(user)
    context = {
        "person": card,
        "may_change": request.user.has_perm(CHANGE),
        "has_totp": totp.is_on(user),
        "form": drawn(KNOWN, _standing(user, card["role"])),
        "groups": _ticks(card["groups"]),
        **forms,
    }
    return shown(request, "people/person", context, status)


@require_http_methods(["GET", "HEAD", "POST"])
@page("people", ADD)
def add(request: HttpRequest) -> HttpResponseBase:
    """Make somebody, and lead to her page."""
    only(given(request), ())
    if request.method != "POST":
        return shown(request, "people/person_add", {"form": drawn(NEW, {}), "groups": _ticks(())})
    try:
        said = _said(NEW, request.POST)
        email = said.pop("email")
        values = {name: value for name, value in said.items() if value not in (None, "", [])}
        made = services.add(email, principal=principal_of(request), **values)
    except (BadTokenField, BadParameter, PersonExists) as exc:
        form = {"form": drawn(NEW, request.POST.dict(), wrong(exc)), "groups": _sent(request.POST)}
        return shown(request, "people/person_add", form, 400)
    address = standing.address_of(made.user)
    messages.success(request, f"{address} was added.")
    return redirect(holders.person_path(address))


@require_POST
@page("people", CHANGE)
def change(request: HttpRequest) -> HttpResponseBase:
    """Change what the form says otherwise than it stands: name, role, groups, budget, access."""
    user = _found(request.POST.get("email", ""))
    address = standing.address_of(user)
    try:
        before = {
            **_standing(user, roles.role_of(user)),
            "groups": [group.name for group in standing.groups_of(user)],
        }
        said = _said(KNOWN, request.POST)
        changed = {name: value for name, value in said.items() if not _is_same(value, before[name])}
        if changed:
            services.change(user, principal=principal_of(request), **changed)
    except (BadParameter, TokenError) as exc:
        form = {"form": drawn(KNOWN, _as_drawn(request.POST), wrong(exc)), "groups": _sent(request.POST)}
        status = 400 if isinstance(exc, BadParameter | BadTokenField) else 409
        return _page(request, _found(address), status, **form)
    messages.success(request, f"{address} was changed." if changed else "Nothing was otherwise.")
    return redirect(holders.person_path(address))


@require_POST
@page("people", CHANGE)
def sign_out(request: HttpRequest) -> HttpResponseBase:
    """End her sign-ins, and lead back."""
    only(request.POST, ("email", "csrfmiddlewaretoken"))
    user = _found(request.POST.get("email", ""))
    ended = services.sign_out(user, principal=principal_of(request))
    messages.success(request, f"{ended} sign-in{'' if ended == 1 else 's'} ended.")
    return redirect(holders.person_path(standing.address_of(user)))


@require_POST
@page("people", CHANGE)
def no_totp(request: HttpRequest) -> HttpResponseBase:
    """Switch her second factor off: her phone is gone, and she has no code to do so herself."""
    only(request.POST, ("email", "csrfmiddlewaretoken"))
    user = _found(request.POST.get("email", ""))
    try:
        services.change(user, principal=principal_of(request), totp=False)
    except TokenError as exc:
        messages.error(request, exc.message)
    else:
        messages.success(request, "Her second factor is off: she is asked for no code.")
    return redirect(holders.person_path(standing.address_of(user)))


def _found(email: str) -> User:
    try:
        return services.get(email.replace("\0", "")).user
    except PersonNotFound as exc:
        raise Http404 from exc


def _standing(user: User, role: str | None) -> dict[str, Any]:
    person = standing.person_of(user)
    return {
        "name": user.get_full_name(),
        "role": role,
        "budget": None if person.budget is None else f"{person.budget.normalize():f}",
        "budget_period": person.budget_period or None,
        "active": user.is_active,
    }


def _said(inputs: tuple[Input, ...], sent: QueryDict) -> dict[str, Any]:
    """Return what a form says as the service takes it; empty is none."""
    plain = sent.copy()
    plain.pop("groups", None)
    if not any(each.name == "email" for each in inputs):
        plain.pop("email", None)
    found = read(inputs, plain)
    for name in ("role", "budget", "budget_period"):
        found[name] = found[name] or None
    with_period(found)
    return {**found, "groups": sent.getlist("groups")}


def _is_same(value: object, before: object) -> bool:
    return (
        set(value) == set(before) if isinstance(value, list) and isinstance(before, list) else value == before
    )


def _as_drawn(sent: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: sent.get(name) for name in sent}, "active": "active" in sent}


def _ticks(names: Any) -> list[dict[str, Any]]:
    """Return every group, the person's ticked."""
    ticked = set(names)
    return [{"name": group.name, "is_on": group.name in ticked} for group in groups.find_all()]


def _sent(sent: QueryDict) -> list[dict[str, Any]]:
    return _ticks(sent.getlist("groups"))


def wrong(exc: TokenError | BadParameter) -> tuple[str, str]:
    """Return the field that something is wrong with, and the words for it."""
    words = str(exc) if isinstance(exc, BadParameter) else exc.message
    field = "email" if isinstance(exc, PersonExists) else getattr(exc, "param", "")
    return field, words.removeprefix(f"{field}: ")
