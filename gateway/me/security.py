"""Show `/me/security/`, where somebody switches her second factor on."""

from __future__ import annotations

import segno
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from gateway.access import principals
from gateway.access.guards import address_of
from gateway.access.roles import role_of
from gateway.console.pages.base import login_address
from gateway.me.base import shown, words_of
from gateway.me.page import no_role
from tokens.errors import TokenError
from tokens.totp import services as totp

PATH = "/me/security/"


@require_http_methods(["GET", "HEAD", "POST"])
def security(request: HttpRequest) -> HttpResponseBase:
    """Answer the page; a POST with a right code switches the second factor on."""
    user = request.user
    if not isinstance(user, User):
        return redirect_to_login(PATH, login_address(request))
    if role_of(user) is None:
        return no_role(request)
    if totp.is_on(user):
        return shown(request, "security", {"is_on": True})
    secret = totp.offered(user, request.session.session_key or "")
    if request.method != "POST":
        return _offer(request, user, secret)
    principal = principals.of_login(request, address_of(request), "console")
    try:
        totp.switch_on(user, secret, request.POST.get(totp.FIELD, ""), principal=principal)
    except TokenError as exc:
        return _offer(request, user, secret, words_of(exc))
    return redirect(PATH)


def _offer(request: HttpRequest, user: User, secret: str, error: str = "") -> HttpResponse:
    address = totp.address(user, secret)
    return shown(request, "security", {"secret": secret, "picture": picture(address), "error": error})


def picture(text: str) -> str:
    """Return a QR code as SVG: shapes alone, no style and no script."""
    code = segno.make(text, error="m")
    return str(code.svg_inline(omitsize=True, border=2, dark="#000", light="#fff"))
