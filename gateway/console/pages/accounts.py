"""`/console/accounts/`: our accounts as cards; add one, change it, log it in again, test and remove it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import services
from accounts.errors import AccountError, BadAccount, UnknownAccount
from accounts.models import Account, Source
from accounts.pool.live import pool_to_show
from accounts.pool.overview import MISLEADING_LIMIT, VENDOR_TERMS
from accounts.probing import probe
from gateway.console.pages import account_forms as forms
from gateway.console.pages import cards
from gateway.console.pages.base import given, may_operate, only, page, principal_of, shown
from gateway.console.pages.buttons import Button, Pressed, pressing
from gateway.console.pages.inputs import Input, drawn, filled, read
from gateway.kernel.asking import BadParameter

ADD, CHANGE, DELETE = (f"accounts.{word}_account" for word in ("add", "change", "delete"))
LISTS = {"overview": "/console/#accounts", "accounts": "/console/accounts/"}
"""Where an action leads back to, by what its form says; else to the account's own page."""
BUTTONS = {
    "reset": Button(services.clear, "reset"),
    "pause": Button(services.pause, "paused"),
    "resume": Button(services.resume, "back in use"),
}


@require_safe
@page("accounts")
def listing(request: HttpRequest) -> HttpResponseBase:
    asked = given(request)
    only(asked, ("provider", "q"))
    pool = pool_to_show()
    now = pool.now()
    found = [cards.card(state, now) for state in pool.states()]
    if "provider" in asked:
        found = [each for each in found if each["provider"] == asked["provider"]]
    if "q" in asked:
        found = [each for each in found if asked["q"].lower() in each["name"].lower()]
    context = {
        "asked": asked,
        "accounts": found,
        "may_operate": may_operate(request),
        "may_add": request.user.has_perm(ADD),
    }
    return shown(request, "accounts", context)


@require_http_methods(["GET", "HEAD", "POST"])
@page("accounts", ADD)
def add(request: HttpRequest) -> HttpResponseBase:
    """Choose a source, then fill in what that source needs."""
    asked = given(request)
    only(asked, ("source", "provider"))
    source = asked.get("source", "")
    if not source and request.method != "POST":
        return shown(request, "accounts/account_add", {"sources": list(forms.SOURCES.items())})
    if source not in Source.values:
        raise BadParameter("source", f"must be one of {', '.join(Source.values)}")
    inputs = forms.to_add(source)
    context = {"source": source, "kind": forms.SOURCES[Source(source)], "terms": VENDOR_TERMS}
    if request.method != "POST":
        proposed = forms.fitting(source)
        usual = asked.get("provider") or (proposed[0] if proposed else "")
        return shown(request, "accounts/account_add", {**context, "form": drawn(inputs, {"provider": usual})})
    try:
        values = forms.as_given(filled(read(inputs, request.POST)))
        row = services.add({**values, "source": source}, principal=principal_of(request))
    except (AccountError, BadParameter) as exc:
        context["form"] = drawn(inputs, request.POST.dict(), wrong(exc))
        return shown(request, "accounts/account_add", context, 400)
    messages.success(request, f"{row.name} was added. Test shows whether the upstream takes it.")
    return redirect(cards.path(row.name))


@require_safe
@page("accounts")
def one(request: HttpRequest, name: str) -> HttpResponseBase:
    only(given(request), ())
    return _page(request, _found(name))


def _page(request: HttpRequest, row: Account, **forms_given: Any) -> HttpResponse:
    """Show an account; `forms_given`: those that were sent and are wrong."""
    pool = pool_to_show()
    pool.apply_changes()
    state = next((state for state in pool.states() if state.name == row.name), None)
    if state is None:
        raise Http404
    may = may_operate(request)
    view = cards.card(state, pool.now(), include_paths=may)
    context = {
        "account": view,
        "row": row,
        "may_operate": may,
        "may_remove": request.user.has_perm(DELETE) and not (row.is_managed and not row.is_absent),
        "is_out": view["state"] in ("needs-login", "no-credential", "expired"),
        "problem": state.loaded.problem if may else "",
        "change": drawn(forms.to_change(row), forms.standing(row)),
        "steps": forms.steps(row),
        "login": drawn(forms.to_log_in(row), row.details),
        "terms": VENDOR_TERMS,
        "misleading": MISLEADING_LIMIT,
        "is_subscription": row.source in (Source.OAUTH, Source.DIRECTORY),
        **forms_given,
    }
    return shown(request, "accounts/account", context, 400 if forms_given else 200)


@require_POST
@page("accounts", CHANGE)
def test(request: HttpRequest, name: str) -> HttpResponseBase:
    """Ask the upstream whether it takes the credential, and tell what it says."""
    read((), request.POST)
    _found(name)
    try:
        result = probe(name, principal=principal_of(request))
    except BadAccount as exc:
        messages.error(request, f"{name}: {exc}")
    else:
        level = messages.SUCCESS if result.is_ok else messages.ERROR
        messages.add_message(request, level, f"{name}: {result.told}")
    return redirect(_back(request, name))


@require_POST
@page("accounts", CHANGE)
def change(request: HttpRequest, name: str) -> HttpResponseBase:
    row = _found(name)
    inputs = forms.to_change(row)
    try:
        values = forms.as_given(read(inputs, request.POST))
        for fixed in ("priority", "weight"):  # they have no empty value
            if values.get(fixed) is None:
                values.pop(fixed, None)
        services.update(name, values, principal=principal_of(request))
    except (AccountError, BadParameter) as exc:
        return _page(request, row, change=drawn(inputs, request.POST.dict(), wrong(exc)))
    messages.success(request, f"{name} was changed.")
    return redirect(cards.path(name))


@require_POST
@page("accounts", CHANGE)
def log_in(request: HttpRequest, name: str) -> HttpResponseBase:
    """Give an account a new login: its marks and cooldowns go with the old one."""
    row = _found(name)
    inputs = forms.to_log_in(row)
    try:
        values = forms.as_given(filled(read(inputs, request.POST)))
        if not values.get("secret"):
            raise BadParameter(forms.PASTED.name if row.source == Source.OAUTH else "secret", "must be given")
        services.update(name, values, principal=principal_of(request))
    except (AccountError, BadParameter) as exc:
        return _page(request, row, login=drawn(inputs, {}, wrong(exc)))
    messages.success(request, f"{name} has a new login. Test shows whether the upstream takes it.")
    return redirect(cards.path(name))


@require_POST
@page("accounts", DELETE)
def remove(request: HttpRequest, name: str) -> HttpResponseBase:
    row = _found(name)
    inputs = (Input("sure", "Yes, remove it", "flag"),)
    if not read(inputs, request.POST)["sure"]:
        return _page(request, row, unsure="Tick the box to remove it.")
    try:
        services.remove(name, principal=principal_of(request))
    except AccountError as exc:
        return _page(request, row, unsure=str(exc))
    messages.success(request, f"{name} was removed.")
    return redirect(LISTS["accounts"])


def _found(name: str) -> Account:
    try:
        return services.get(name)
    except UnknownAccount as exc:
        raise Http404 from exc


def _back(request: HttpRequest, name: str) -> str:
    return LISTS.get(request.POST.get("back", "overview"), cards.path(name))


act = pressing(BUTTONS, Pressed("accounts", CHANGE, UnknownAccount, _back))


def wrong(exc: AccountError | BadParameter) -> tuple[str, str]:
    """Return the field that something is wrong with, and the words for it."""
    field = exc.param if isinstance(exc, BadParameter) else getattr(exc, "field", "")
    return field, str(exc).removeprefix(f"{field}: ")
