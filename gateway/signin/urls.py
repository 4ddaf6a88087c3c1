"""List the paths of signing in."""

from __future__ import annotations

from django.conf import settings
from django.urls import URLPattern, path

from gateway.signin import endpoints, logins, pages, second
from gateway.signin.oidc import views as issuer


def urls() -> list[URLPattern]:
    """Return them; those of the issuer only where there is one."""
    found = [
        path(".well-known/oauth-authorization-server", endpoints.metadata),
        path("oauth/device_authorization", endpoints.device_authorization),
        path("oauth/token", endpoints.token),
        path("oauth/revoke", endpoints.revoke),
        path("device", pages.decide),
        path("device/deny", pages.deny),
        path("login/", logins.login),
        path("login/code", second.code),
        path("logout/", logins.logout),
    ]
    if settings.GATEWAY.OIDC_ISSUER:
        found += [path("oauth/oidc", issuer.begin), path("oauth/callback", issuer.callback)]
    return found
