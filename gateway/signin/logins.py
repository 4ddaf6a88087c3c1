"""Log people in with a password, and out: Django's own views, in our pages and behind the lock of the admin's login."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse

from gateway.access import logins
from gateway.signin import pages
from gateway.signin.base import base_of, host_of, served
from gateway.signin.turns import in_turn
from gateway.tries.counting import TooMany


class PersonForm(AuthenticationForm):
    """Takes an address in any case: those of people are kept in lower case."""

    def clean_username(self) -> str:
        given: str = self.cleaned_data["username"]
        if "@" not in given or User.objects.filter(username=given).exists():
            return given
        return given.lower()


class PersonLogin(LoginView):
    """`/login/`. Another site in `next` is ignored."""

    authentication_form = PersonForm
    next_page = "/"
    http_method_names = ["get", "head", "post"]

    def get_context_data(self, **given: Any) -> dict[str, Any]:
        base = base_of(self.request)
        after = self.get_redirect_url()
        issuer = f"/oauth/oidc?{urlencode({'next': after or self.get_default_redirect_url()})}"
        return super().get_context_data(
            **given,
            host=host_of(base),
            notice=settings.GATEWAY.LOGIN_NOTICE,
            issuer=issuer if settings.GATEWAY.OIDC_ISSUER else "",
        )

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> TemplateResponse:
        return pages.shown(self.request, "login", context)


@served
@in_turn
def login(request: HttpRequest) -> HttpResponseBase:
    """Answer `/login/`; 429 while the pair of address and name, or the address, is locked."""
    return logins.locking(request, PersonLogin.as_view(), _locked)


@served
@in_turn
def logout(request: HttpRequest) -> HttpResponseBase:
    """Answer `POST /logout/`: this browser's login ends; clients that were signed in go on."""
    if request.method == "POST" and request.user.is_authenticated:
        logins.record(request, "login.logout", "page")
    view = LogoutView.as_view(next_page="/login/", http_method_names=["post"])
    response: HttpResponseBase = view(request)
    return response


def _locked(request: HttpRequest, exc: TooMany) -> HttpResponse:
    minutes = -(-exc.wait_seconds // 60)
    context: dict[str, object] = {"minutes": minutes, "host": host_of(base_of(request))}
    response = pages.shown(request, "locked", context, 429)
    response["Retry-After"] = str(exc.wait_seconds)
    return response
