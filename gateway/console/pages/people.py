"""`/console/people/`: who holds which token, what is spent; a token issued, found, changed, rotated, ended."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from gateway.access import permissions
from gateway.access.gate import AccessDenied
from gateway.console import holders
from gateway.console.pages import once
from gateway.console.pages.base import address, given, only, page, principal_of, problem, shown
from gateway.console.pages.inputs import Input, drawn, read, with_period
from gateway.kernel.asking import BadParameter
from tokens import services
from tokens.errors import BadTokenField, TokenConflict, TokenNotFound
from tokens.groups import services as groups
from tokens.handover import services as handover
from tokens.leaked import services as leaked
from tokens.models import BudgetPeriod, Token
from tokens.pages import handing, showing
from tokens.people import services as people

PATH = "/console/people/"
QUARTER_HOURS = 2160
FIELDS = ("person", "label", "group", "ttl_hours", "budget", "budget_period")
MOST_OFFERED = 500
ISSUE, FIND, REVOKE = (("post", f"/api/tokens{path}") for path in ("", "/find", "/revoke"))
CHANGE, ROTATE = ("patch", "/api/tokens/{token_id}"), ("post", "/api/tokens/{token_id}/rotate")
"""What a page does, by the operation that does the same: who may is said once."""
ADD = "auth.add_user"
HANDED = "handover"
GRACES = (("3600", "an hour more"), ("86400", "a day more"), ("0", "not at all"))
GRACE = (Input("grace_seconds", "The old secret is good", "choice", choices=GRACES),)


@require_safe
@page("people")
def listing(request: HttpRequest) -> HttpResponseBase:
    """Show people with their tokens, a page at a time."""
    asked = given(request)
    only(asked, ("q", "after"))
    if not asked.get("after", "1").isdecimal() or len(asked.get("after", "")) > 18:
        raise BadParameter("after", "must be that of the page before")
    found = holders.page(asked.get("q", "").replace("\0", ""), asked.get("after", ""))
    context = {
        "asked": asked,
        "people": found.people,
        "nobody": found.nobody,
        "next": address(PATH, asked, after=found.next_after) if found.next_after else "",
        "first": address(PATH, asked, after="") if "after" in asked else "",
        "may_issue": _may(request, ISSUE),
        "may_add": request.user.has_perm(ADD),
        "may_find": _may(request, FIND),
    }
    return shown(request, "people", context)


@require_POST
@page("people")
def find(request: HttpRequest) -> HttpResponseBase:
    """Lead from a secret to its token."""
    if not _may(request, FIND):
        return _refused(request)
    try:
        token = leaked.find(request.POST.get("secret", ""), principal=principal_of(request))
    except BadTokenField as exc:
        return problem(request, 400, "That can't be looked for", exc.message)
    except TokenNotFound:
        return problem(request, 404, "This is no token of ours", "Nobody can call with it here.")
    return redirect(holders.path_of(token.id))


@require_http_methods(["GET", "HEAD", "POST"])
@page("people")
def issue(request: HttpRequest) -> HttpResponseBase:
    """Show the form for a new token, or issue it and lead to the page that shows its secret."""
    if not _may(request, ISSUE):
        return _refused(request)
    if request.method != "POST":
        asked = given(request)
        only(asked, ("person", "group"))
        return _form(request, {"ttl_hours": str(QUARTER_HOURS), **asked})
    said = {name: request.POST.get(name, "").strip() for name in (*FIELDS, "handover")}
    try:
        _issue(request, _read(said))
    except BadTokenField as exc:
        return _form(request, said, exc)
    return redirect(f"{PATH}secret/")


def _issue(request: HttpRequest, fields: dict[str, Any]) -> None:
    """Issue a token, and leave its secret, or the link that it is taken with, for the page that shows it once."""
    if not handover.is_wanted(fields.pop("handover", "") == "on"):
        made = services.issue(principal=principal_of(request), **fields)
        return handing.hand_over(request, made.secret, made.token.id)
    taken = handover.issue(principal=principal_of(request), **fields)
    link = handover.address(request.build_absolute_uri("/"), taken.secret)
    told = {"link": link, "token_id": taken.token.id, "until": showing.moment(taken.expires_at)}
    return once.leave(request, HANDED, told)


@require_GET
@page("people")
def secret(request: HttpRequest) -> HttpResponseBase:
    """Show the secret of the token that was just issued, or the link to it, once."""
    only(given(request), ())
    handed, left = handing.taken(request), once.taken(request, HANDED)
    if left is not None:
        return shown(request, "people/secret", {**left, "token": holders.of_token(left["token_id"])})
    if handed is None:
        return problem(
            request, 404, "It has been shown already", "A secret is shown once. Issue another token."
        )
    told = {"secret": handed.secret, "old_ends": handed.old_ends, "token": holders.of_token(handed.token_id)}
    return shown(request, "people/secret", told)


@require_safe
@page("people")
def token(request: HttpRequest, token_id: str) -> HttpResponseBase:
    """Show one token, and what can be done about it."""
    only(given(request), ())
    return _page(request, token_id)


def _page(request: HttpRequest, token_id: str, status: int = 200, **forms: Any) -> HttpResponseBase:
    """Show a token; `forms`: those that were sent and are wrong."""
    try:
        row, found = services.get(token_id), holders.of_token(token_id)
    except TokenNotFound as exc:
        raise Http404 from exc
    may_change = not found["is_over"] and _may(request, CHANGE)
    context = {
        "token": found,
        "may_revoke": found["state"] != "revoked" and _may(request, REVOKE),
        "may_change": may_change,
        "may_rotate": not found["is_over"] and _may(request, ROTATE),
        "form": drawn(_inputs(), _standing(row, found)) if may_change else None,
        "grace": drawn(GRACE, {}),
        **forms,
    }
    return shown(request, "people/token", context, status)


def _inputs() -> tuple[Input, ...]:
    """Return what can be changed of a token here."""
    return (
        Input("label", "Label"),
        Input("person", "Person", choices=[(each, "") for each in people.addresses(MOST_OFFERED)]),
        Input("group", "Group", "choice", choices=[("", "none"), *_names()]),
        Input("budget", "Budget", help="In the currency of the prices; empty: no budget of its own"),
        Input("budget_period", "Budget period", "choice", choices=[("", "–"), *BudgetPeriod.choices]),
    )


def _names() -> list[tuple[str, str]]:
    return [(group.name, group.name) for group in groups.find_all()]


def _standing(row: Token, found: holders.Card) -> dict[str, Any]:
    budget = "" if row.budget is None else f"{row.budget.normalize():f}"
    told = {"label": row.label, "budget": budget, "budget_period": row.budget_period}
    return {**told, "person": found["person"], "group": found["group"]}


@require_POST
@page("people")
def change(request: HttpRequest, token_id: str) -> HttpResponseBase:
    """Change a token where the form says otherwise than it stands."""
    if not _may(request, CHANGE):
        return _refused(request)
    inputs = _inputs()
    try:
        before = _standing(services.get(token_id), holders.of_token(token_id))
        said = with_period(read(inputs, request.POST))
        changed = {name: value or None for name, value in said.items() if value != before[name]}
        if changed:
            services.change(token_id, principal=principal_of(request), **changed)
    except TokenNotFound as exc:
        raise Http404 from exc
    except (BadParameter, BadTokenField, TokenConflict) as exc:
        status = 409 if isinstance(exc, TokenConflict) else 400
        form = drawn(inputs, request.POST.dict(), _wrong(exc))
        return _page(request, token_id, status, form=form)
    messages.success(request, "The token was changed." if changed else "Nothing was otherwise.")
    return redirect(holders.path_of(token_id))


@require_POST
@page("people")
def rotate(request: HttpRequest, token_id: str) -> HttpResponseBase:
    """Replace a token's secret, and lead to the page that shows the new one, once."""
    if not _may(request, ROTATE):
        return _refused(request)
    grace = read(GRACE, request.POST)["grace_seconds"]
    if grace not in dict(GRACES):
        raise BadParameter("grace_seconds", f"must be one of {', '.join(dict(GRACES))}")
    try:
        done = services.rotate(token_id, int(grace), principal=principal_of(request))
    except TokenNotFound as exc:
        raise Http404 from exc
    except TokenConflict as exc:
        return problem(request, 409, "This token can't be rotated", exc.message)
    issued = done.issued
    handing.hand_over(request, issued.secret, issued.token.id, showing.moment(done.old_ends_at))
    return redirect(f"{PATH}secret/")


def _wrong(exc: BadParameter | BadTokenField | TokenConflict) -> tuple[str, str]:
    field = "" if isinstance(exc, TokenConflict) else exc.param
    words = str(exc) if isinstance(exc, BadParameter) else exc.message
    return field, words.removeprefix(f"{field}: ")


@require_POST
@page("people")
def revoke(request: HttpRequest, token_id: str) -> HttpResponseBase:
    """End a token, and lead back to it."""
    if not _may(request, REVOKE):
        return _refused(request)
    try:
        services.revoke(token_id, principal=principal_of(request))
    except TokenNotFound as exc:
        raise Http404 from exc
    return redirect(holders.path_of(token_id))


def _form(request: HttpRequest, said: dict[str, str], wrong: BadTokenField | None = None) -> HttpResponseBase:
    context = {
        "said": said,
        "wrong": "" if wrong is None else wrong.param,
        "problem": "" if wrong is None else _sentence(wrong),
        "periods": BudgetPeriod.choices,
        "groups": [group.name for group in groups.find_all()],
        "people": people.addresses(MOST_OFFERED),
    }
    return shown(request, "people/issue", context, 200 if wrong is None else 400)


def _sentence(wrong: BadTokenField) -> str:
    """Return what is wrong as people read it: `Budget period must be given with a budget`."""
    words = wrong.message.removeprefix(f"{wrong.param}: ")
    return f"{wrong.param.replace('_', ' ').capitalize()} {words}"


def _read(said: dict[str, str]) -> dict[str, Any]:
    """Return the fields of a form as the service takes them; what was left empty is not given."""
    found: dict[str, Any] = {name: value for name, value in said.items() if value}
    if "ttl_hours" in found:
        hours = found["ttl_hours"]
        found["ttl_hours"] = int(hours) if hours.isdecimal() and len(hours) < 10 else hours
    if "budget" in found and "budget_period" not in found:
        raise BadTokenField("budget_period", "must be given with a budget")
    return found


def _may(request: HttpRequest, operation: permissions.Operation) -> bool:
    try:
        permissions.check(request.user, operation)
    except AccessDenied:
        return False
    return True


def _refused(request: HttpRequest) -> HttpResponseBase:
    return problem(request, 403, "You may not do this", "Somebody with the role of an admin can help.")
