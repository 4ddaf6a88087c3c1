"""`/console/people/`: who holds which token, what is spent; a token issued, a leaked secret found, a token ended."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from gateway.access import permissions
from gateway.access.gate import AccessDenied
from gateway.console import holders
from gateway.console.pages.base import address, given, only, page, principal_of, problem, shown
from gateway.kernel.asking import BadParameter
from tokens import services
from tokens.errors import BadTokenField, TokenNotFound
from tokens.groups import services as groups
from tokens.leaked import services as leaked
from tokens.models import BudgetPeriod
from tokens.pages import handing
from tokens.people import services as people

PATH = "/console/people/"
QUARTER_HOURS = 2160
FIELDS = ("person", "label", "group", "ttl_hours", "budget", "budget_period")
MOST_OFFERED = 500
ISSUE, FIND, REVOKE = (("post", f"/api/tokens{path}") for path in ("", "/find", "/revoke"))
"""What a page does, by the operation that does the same: who may is said once."""


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
    said = {name: request.POST.get(name, "").strip() for name in FIELDS}
    try:
        made = services.issue(principal=principal_of(request), **_read(said))
    except BadTokenField as exc:
        return _form(request, said, exc)
    handing.hand_over(request, made.secret, made.token.id)
    return redirect(f"{PATH}secret/")


@require_GET
@page("people")
def secret(request: HttpRequest) -> HttpResponseBase:
    """Show the secret of the token that was just issued, once."""
    only(given(request), ())
    handed = handing.taken(request)
    if handed is None:
        return problem(
            request, 404, "It has been shown already", "A secret is shown once. Issue another token."
        )
    return shown(
        request, "people/secret", {"secret": handed.secret, "token": holders.of_token(handed.token_id)}
    )


@require_safe
@page("people")
def token(request: HttpRequest, token_id: str) -> HttpResponseBase:
    """Show one token, and what can be done about it."""
    only(given(request), ())
    try:
        found = holders.of_token(token_id)
    except TokenNotFound as exc:
        raise Http404 from exc
    may_revoke = found["state"] != "revoked" and _may(request, REVOKE)
    return shown(request, "people/token", {"token": found, "may_revoke": may_revoke})


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
