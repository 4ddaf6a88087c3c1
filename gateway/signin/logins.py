"""Log people in with a password, and out: Django's own views, in our pages and behind the lock of the admin's login."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from gateway.access import logins
from gateway.signin import codes, pages
from gateway.signin.base import base_of, host_of, served
from gateway.signin.turns import in_turn
from gateway.tries.counting import TooMany
from tokens.totp import services as totp

ADMIN = "/admin/"


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
    http_method_names = ["get", "head", "post"]

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Log her in; who has a second factor is asked for a code first."""
        user = form.get_user()
        if totp.is_on(user):
            typed = logins.name_in(self.request)
            return logins.awaiting_code(codes.asked(self.request, user, typed, self.get_success_url()))
        return super().form_valid(form)

    def get_context_data(self, **given: Any) -> dict[str, Any]:
        base = base_of(self.request)
        after = self.get_redirect_url()
        issuer = f"/oauth/oidc?{urlencode({'next': after or self.get_default_redirect_url()})}"
        return super().get_context_data(
            **given,
            host=host_of(base) or self.request.get_host(),
            notice=settings.GATEWAY.LOGIN_NOTICE,
            issuer=issuer if settings.GATEWAY.OIDC_ISSUER else "",
        )

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> TemplateResponse:
        return pages.shown(self.request, "login", context)


@served
@in_turn
def login(request: HttpRequest) -> HttpResponseBase:
    """Answer `/login/`; 429 while the pair of address and name, or the address, is locked."""
    return _logged_in(request, "/")


def admin_login(request: HttpRequest) -> HttpResponseBase:
    """Answer `/admin/login/`: it leads to `/login/`, and is that page where there is none."""
    if request.method in ("GET", "HEAD") and base_of(request):
        after = request.GET.get(REDIRECT_FIELD_NAME) or ADMIN
        return redirect(f"/login/?{urlencode({REDIRECT_FIELD_NAME: after})}")
    return _logged_in(request, ADMIN)


def _logged_in(request: HttpRequest, after: str) -> HttpResponseBase:
    attempt = logins.Attempt(logins.name_in(request), "password", locked)
    return logins.locking(request, PersonLogin.as_view(next_page=after), attempt)


@served
@in_turn
def logout(request: HttpRequest) -> HttpResponseBase:
    """Answer `POST /logout/`: this browser's login ends; clients that were signed in go on."""
    if request.method == "POST" and request.user.is_authenticated:
        logins.record(request, "login.logout", "page")
    view = LogoutView.as_view(next_page="/login/", http_method_names=["post"])
    response: HttpResponseBase = view(request)
    return response


def locked(request: HttpRequest, exc: TooMany) -> HttpResponse:
    """Answer on a page that logs in that nobody may try at the moment."""
    minutes = -(-exc.wait_seconds // 60)
    context: dict[str, object] = {"minutes": minutes, "host": host_of(base_of(request))}
    response = pages.shown(request, "locked", context, 429)
    response["Retry-After"] = str(exc.wait_seconds)
    return response
