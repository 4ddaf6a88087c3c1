"""Show `/me/security/`, where somebody switches her second factor on."""

from __future__ import annotations

import segno
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from gateway.access import logins, principals
from gateway.access.guards import address_of
from gateway.access.roles import role_of
from gateway.console.pages.base import login_address
from gateway.kernel.moments import distance
from gateway.kernel.principal import Principal
from gateway.me.base import shown, words_of
from gateway.me.page import no_role
from gateway.tries.counting import TooMany
from tokens.errors import TokenError
from tokens.totp import services as totp

PATH = "/me/security/"
OFF = "off"
"""The field of the form that switches it off."""


@require_http_methods(["GET", "HEAD", "POST"])
def security(request: HttpRequest) -> HttpResponseBase:
    """Answer the page; a POST with a right code switches the second factor on, or off where that is asked."""
    user = request.user
    if not isinstance(user, User):
        return redirect_to_login(PATH, login_address(request))
    if role_of(user) is None:
        return no_role(request)
    if totp.is_on(user):
        return _on(request, user)
    secret = totp.offered(user, request.session.session_key or "")
    if request.method != "POST":
        return _offer(request, user, secret)
    if OFF in request.POST:
        return redirect(PATH)  # it is off already: no code is to be judged
    try:
        totp.switch_on(user, secret, request.POST.get(totp.FIELD, ""), principal=_principal(request))
    except TokenError as exc:
        return _offer(request, user, secret, words_of(exc))
    return redirect(PATH)


def _on(request: HttpRequest, user: User) -> HttpResponse:
    """Answer where it is on. Wrong codes count as they do at the login: who has her browser cannot guess one."""
    if request.method != "POST" or OFF not in request.POST:
        return shown(request, "security", {"is_on": True})

    def is_code_right() -> bool:
        return totp.is_right(user, request.POST.get(totp.FIELD, ""))

    try:
        is_right = logins.proved(request, user.get_username(), is_code_right)
    except TooMany as exc:
        return shown(
            request,
            "security",
            {"is_on": True, "error": f"Too many wrong codes. Try again {distance(exc.wait_seconds)}."},
            429,
        )
    if not is_right:
        return shown(
            request,
            "security",
            {"is_on": True, "error": "This is not the code of this moment: wait for the next one."},
            400,
        )
    totp.switch_off(user, principal=_principal(request))
    return redirect(PATH)


def _principal(request: HttpRequest) -> Principal:
    return principals.of_login(request, address_of(request), "console")


def _offer(request: HttpRequest, user: User, secret: str, error: str = "") -> HttpResponse:
    address = totp.address(user, secret)
    return shown(request, "security", {"secret": secret, "picture": picture(address), "error": error})


def picture(text: str) -> str:
    """Return a QR code as SVG: shapes alone, no style and no script."""
    code = segno.make(text, error="m")
    return str(code.svg_inline(omitsize=True, border=2, dark="#000", light="#fff"))
