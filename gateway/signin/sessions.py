"""Keep in a browser's session what the issuer gave at its login: a refresh token, encrypted, for one sign-in."""

from __future__ import annotations

from django.http import HttpRequest

from gateway.kernel.secrets import SecretUnreadable, box

KEY = "signin.issuer"
CONTEXT = "session:issuer"
SPENT = "spent"


def keep(request: HttpRequest, refresh_token: str) -> None:
    """Keep the issuer's refresh token for the sign-in that is approved next."""
    request.session[KEY] = box().encrypt(refresh_token, CONTEXT)


def drop(request: HttpRequest) -> None:
    """Keep nothing: the login before this one is over."""
    request.session.pop(KEY, None)


def is_spent(request: HttpRequest) -> bool:
    """Tell whether this login at the issuer has vouched for a sign-in already.

    Two that shared a refresh token would look like a theft to an issuer that rotates it.
    """
    return request.session.get(KEY) == SPENT


def spend(request: HttpRequest) -> str:
    """Return the refresh token that was kept, "" when there is none, and keep it no more."""
    kept = request.session.get(KEY, "")
    if not kept or kept == SPENT:
        return ""
    request.session[KEY] = SPENT
    try:
        return box().decrypt(kept, CONTEXT)
    except SecretUnreadable:
        return ""
