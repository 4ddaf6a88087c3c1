"""`/console/providers/`: where calls go, as cards; add one, tick its models, change, test, clear and remove it."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.pool.live import pool_to_show
from gateway.console.pages import provider_forms as forms
from gateway.console.pages.base import given, only, page, principal_of, shown
from gateway.console.pages.buttons import Button, Pressed, pressing
from gateway.console.pages.inputs import Input, drawn, read
from gateway.kernel.asking import BadParameter
from gateway.kernel.moments import end_for_people
from providers import services
from providers.catalog import live
from providers.catalog.records import ProviderRecord
from providers.catalog.store import record_of
from providers.doctor import identity_of
from providers.drivers.table import DRIVERS
from providers.errors import BadProvider, ProviderError, UnknownProvider
from providers.models import Provider
from providers.probing import probe

ADD, CHANGE, DELETE = (f"providers.{word}_provider" for word in ("add", "change", "delete"))
PATH = "/console/providers/"
WORDS = {"cooling": "on cooldown", "partly-cooling": "on cooldown for some models"}
FOUND = "models-found"
"""In the session: the models that the last test found, until the next test."""
MOST_FOUND = 2_000
BUTTONS = {
    "clear": Button(services.clear, "cleared"),
    "enable": Button(services.enable, "back in use"),
    "disable": Button(services.disable, "out of use"),
}


def path_of(name: str) -> str:
    return f"{PATH}{quote(name, safe='')}/"


@require_safe
@page("providers")
def listing(request: HttpRequest) -> HttpResponseBase:
    asked = given(request)
    only(asked, ("q",))
    counts = Counter(state.terms.provider for state in pool_to_show().states() if not state.terms.is_absent)
    rows = services.listed()
    found = [*(_card(row) for row in rows), *_of_settings(rows)]
    cards = [
        {**each, "accounts": counts[each["name"]]}
        for each in found
        if asked.get("q", "").lower() in each["name"].lower()
    ]
    return shown(request, "providers", {"asked": asked, "providers": cards, **_rights(request)})


def _rights(request: HttpRequest) -> dict[str, bool]:
    user = request.user
    return {
        "may_operate": user.has_perm(CHANGE),
        "may_add": user.has_perms((ADD, CHANGE)),
        "may_remove": user.has_perm(DELETE),
    }


def _card(row: Provider) -> dict[str, Any]:
    return {
        **_state(row.name, row.is_enabled),
        "name": row.name,
        "kind": _label(row.kind),
        "base_url": row.base_url,
        "models": row.model_names,
        "has_key": bool(row.encrypted_api_key or row.api_key_env),
        "is_enabled": row.is_enabled,
        "is_managed": False,
        "path": path_of(row.name),
    }


def _of_settings(rows: list[Provider]) -> list[dict[str, Any]]:
    """Return the providers that the environment names, which have no rows."""
    names = {row.name for row in rows}
    known = live.catalog_to_show().view.providers
    return [_managed(record) for name, record in known.items() if name not in names]


def _managed(record: ProviderRecord) -> dict[str, Any]:
    return {
        **_state(record.name, True),
        "name": record.name,
        "kind": _label(record.kind),
        "base_url": record.base_url,
        "models": list(record.models),
        "has_key": record.credential is not None or bool(record.api_key_env),
        "is_enabled": True,
        "is_managed": True,
        "path": path_of(record.name),
    }


def _label(kind: str) -> str:
    return DRIVERS[kind].label if kind in DRIVERS else kind


def _state(name: str, is_enabled: bool) -> dict[str, Any]:
    found = live.provider_status(name) if is_enabled else None
    if found is None:
        return {"word": "may be called" if is_enabled else "out of use", "reason": "", "is_out": False}
    word = f"{WORDS.get(found.state, found.state)} {end_for_people(found.until, time.time())}"
    return {"word": word, "reason": found.reason, "is_out": True}


@require_http_methods(["GET", "HEAD", "POST"])
@page("providers", ADD, CHANGE)
def add(request: HttpRequest) -> HttpResponseBase:
    """Store a provider, then ask it which models it has: those are ticked on its page."""
    asked = given(request)
    only(asked, ("kind",))
    kind = forms.kind_of(asked.get("kind", ""))
    inputs = forms.to_add(kind)
    context = {"kind": kind, "kinds": forms.KINDS, "lacking": DRIVERS[kind].lacking()}
    if request.method != "POST":
        return shown(request, "providers/provider_add", {**context, "form": drawn(inputs, forms.USUAL)})
    try:
        values = forms.as_new(read(inputs, request.POST))
        if Provider.objects.filter(name=str(values.get("name", "")).strip()).exists():
            raise BadProvider("name", "there is a provider of this name already")
        row = services.upsert({**values, "kind": kind}, principal=principal_of(request))
    except (ProviderError, BadParameter) as exc:
        context["form"] = drawn(inputs, request.POST.dict(), wrong(exc))
        return shown(request, "providers/provider_add", context, 400)
    messages.success(request, f"{row.name} was added.")
    _try(request, row.name)
    return redirect(f"{path_of(row.name)}#models")


def _try(request: HttpRequest, name: str) -> None:
    """Test a provider, tell what it says, and keep its models for the page that comes next."""
    result = probe(name, principal=principal_of(request))
    messages.add_message(
        request, messages.SUCCESS if result.is_ok else messages.ERROR, f"{name}: {result.told}"
    )
    request.session[FOUND] = {"provider": name, "models": list(result.models[:MOST_FOUND])}


@require_safe
@page("providers")
def one(request: HttpRequest, name: str) -> HttpResponseBase:
    only(given(request), ())
    row = Provider.objects.filter(name=name).first()
    if row is not None:
        return _page(request, row)
    managed = next((each for each in _of_settings([]) if each["name"] == name), None)
    if managed is None:
        raise Http404
    return shown(
        request, "providers/provider", {"provider": managed, "accounts": _accounts(name), **_rights(request)}
    )


def _page(request: HttpRequest, row: Provider, **forms_given: Any) -> HttpResponse:
    """Show a provider; `forms_given`: those that were sent and are wrong."""
    kept = request.session.get(FOUND) or {}
    found = kept.get("models", []) if kept.get("provider") == row.name else []
    ticked = set(row.model_names)
    names = [*found, *(name for name in row.model_names if name not in set(found))]
    context = {
        "provider": _card(row),
        "row": row,
        "accounts": _accounts(row.name),
        "identity": identity_of(record_of(row)),
        "models": [{"name": name, "is_on": name in ticked} for name in names],
        "is_listed": bool(found),
        "change": drawn(forms.to_change(row), forms.standing(row)),
        **_rights(request),
        **forms_given,
    }
    return shown(request, "providers/provider", context, 400 if forms_given else 200)


def _accounts(name: str) -> list[str]:
    return [state.name for state in pool_to_show().states() if state.terms.provider == name]


def _back(request: HttpRequest, name: str) -> str:
    return PATH if request.POST.get("back") == "providers" else path_of(name)


act = pressing(BUTTONS, Pressed("providers", CHANGE, UnknownProvider, _back))


@require_POST
@page("providers", CHANGE)
def test(request: HttpRequest, name: str) -> HttpResponseBase:
    read((), request.POST)
    _found(name)
    _try(request, name)
    return redirect(f"{path_of(name)}#models")


@require_POST
@page("providers", CHANGE)
def tick(request: HttpRequest, name: str) -> HttpResponseBase:
    """Let the models that are ticked lead here."""
    _found(name)
    only(request.POST, ("models", "csrfmiddlewaretoken"))
    try:
        services.change(name, {"models": request.POST.getlist("models")}, principal=principal_of(request))
    except ProviderError as exc:
        raise BadParameter(*wrong(exc)) from exc
    count = len(request.POST.getlist("models"))
    messages.success(request, f"{count} model{'' if count == 1 else 's'} of {name} can be asked for.")
    return redirect(path_of(name))


@require_POST
@page("providers", CHANGE)
def change(request: HttpRequest, name: str) -> HttpResponseBase:
    row = _found(name)
    inputs = forms.to_change(row)
    try:
        services.change(name, forms.as_changed(read(inputs, request.POST)), principal=principal_of(request))
    except (ProviderError, BadParameter) as exc:
        return _page(request, row, change=drawn(inputs, request.POST.dict(), wrong(exc)))
    messages.success(request, f"{name} was changed.")
    return redirect(path_of(name))


@require_POST
@page("providers", DELETE)
def remove(request: HttpRequest, name: str) -> HttpResponseBase:
    row = _found(name)
    if not read((Input("sure", "Yes, remove it", "flag"),), request.POST)["sure"]:
        return _page(request, row, unsure="Tick the box to remove it.")
    services.remove(name, principal=principal_of(request))
    messages.success(request, f"{name} was removed.")
    return redirect(PATH)


def _found(name: str) -> Provider:
    try:
        return services.get(name)
    except UnknownProvider as exc:
        raise Http404 from exc


def wrong(exc: ProviderError | BadParameter) -> tuple[str, str]:
    """Return the field that something is wrong with, and the words for it."""
    if isinstance(exc, BadProvider):
        return exc.field, exc.problem.removeprefix(f"{exc.field}: ")
    field = exc.param if isinstance(exc, BadParameter) else getattr(exc, "field", "")
    return field, str(exc).removeprefix(f"{field}: ")
