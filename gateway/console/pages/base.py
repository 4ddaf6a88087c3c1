"""Let people into the pages: a login, and the permission that the page needs; and show what went wrong as a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse

from gateway.access import principals
from gateway.access.guards import address_of, caller_of, gate
from gateway.kernel.asking import BadParameter
from gateway.kernel.principal import Principal
from gateway.rehearsals import services as rehearsals

View = Callable[..., HttpResponseBase]
USAGE, REQUESTS, AUDIT = "gateway.view_dailyusage", "gateway.view_exchangerow", "gateway.view_auditrow"
LOGINS, TOKENS = "auth.view_user", "tokens.view_token"
ALERTS = "gateway.view_alertmessage"
SETTINGS = "accounts.change_poolsetting", "tokens.change_policy"
RECORDS = ("tokens.view_signin",)
ACCOUNTS, PROVIDERS, ROUTES = "accounts.view_account", "providers.view_provider", "providers.view_route"
NAVIGATION = (
    ("overview", "Overview", "/console/", (USAGE, REQUESTS)),
    ("requests", "Requests", "/console/requests/", (REQUESTS,)),
    ("usage", "Usage", "/console/usage/", (USAGE,)),
    ("people", "People", "/console/people/", (LOGINS, TOKENS)),
    ("accounts", "Accounts", "/console/accounts/", (ACCOUNTS,)),
    ("providers", "Providers", "/console/providers/", (PROVIDERS, ROUTES)),
    ("alerts", "Alerts", "/console/alerts/", (ALERTS,)),
    ("records", "Records", "/console/signins/", RECORDS),
    ("audit", "Audit", "/console/audit/", (AUDIT,)),
    ("settings", "Settings", "/console/settings/", SETTINGS),
)
"""Pages: name, title, address, and the permissions that each needs."""
ADMINS_HELP = "Somebody with the role of an admin can help."
NEEDED = {name: needed for name, _, _, needed in NAVIGATION}


def login_address(request: HttpRequest) -> str:
    """Return the page to log in at: the admin's, where people can't sign in since nobody has said our address."""
    can_sign_in = settings.GATEWAY.PUBLIC_URL or gate().is_from_here(caller_of(request))
    return "/login/" if can_sign_in else "/admin/login/"


def page(name: str, *also: str) -> Callable[[View], View]:
    """Wrap a view as the page of this name: nobody logged in is led to the login, who may not gets 403.

    `also`: permissions that are needed beside the page's own.
    """

    def wrap(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not (request.user.is_authenticated and request.user.is_active):
                return redirect_to_login(request.get_full_path(), login_address(request))
            if not (request.user.is_staff and request.user.has_perms(NEEDED[name])):
                return problem(request, 403, "You may not see this page", ADMINS_HELP)
            if not request.user.has_perms(also):
                return problem(request, 403, "You may not do this", ADMINS_HELP)
            try:
                return view(request, *args, **kwargs)
            except BadParameter as exc:
                return problem(request, 400, "That can't be asked", str(exc))
            except Http404:
                return problem(
                    request,
                    404,
                    "There is nothing here",
                    "It may have been removed; old rows are deleted after a time.",
                )

        return guarded

    return wrap


def shown(request: HttpRequest, name: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """Return a page, with the navigation that its reader may use."""
    links = [
        {"name": each, "title": title, "url": url, "is_here": each == name.partition("/")[0]}
        for each, title, url, needed in NAVIGATION
        if request.user.is_staff and request.user.has_perms(needed)
    ]
    told = {
        "links": links,
        "who": principals.name_of(request.user),
        "rehearsals": rehearsals.running(),
        "may_end_rehearsals": may_operate(request),
        **context,
    }
    return TemplateResponse(request, f"console/{name.rpartition('/')[2]}.html", told, status=status)


def problem(request: HttpRequest, status: int, title: str, words: str) -> HttpResponse:
    return shown(request, "problem", {"title": title, "words": words}, status)


def may_operate(request: HttpRequest) -> bool:
    """Tell whether the reader may change accounts: pages show no button that she may not use."""
    return request.user.has_perm("accounts.change_account")


def principal_of(request: HttpRequest) -> Principal:
    """Return who changes something on a page."""
    return principals.of_login(request, address_of(request), "console")


def given(request: HttpRequest) -> dict[str, str]:
    """Return what was asked, without what was left empty."""
    return {name: str(value) for name, value in request.GET.items() if value}


def only(asked: Iterable[str], names: Iterable[str]) -> None:
    """Raise `BadParameter` naming the first that no name of the page's is."""
    known = set(names)
    for name in asked:
        if name not in known:
            raise BadParameter(name, "unknown parameter")


def address(path: str, asked: dict[str, str], **changes: str) -> str:
    """Return the address of a list with some of what was asked changed; empty values go."""
    words = {name: value for name, value in {**asked, **changes}.items() if value}
    return f"{path}?{urlencode(words)}" if words else path
