"""Ask the issuer, at a refresh of ours, whether a person may stay."""

from __future__ import annotations

from django.conf import settings

from gateway.signin.oidc import loading
from gateway.signin.oidc.errors import LoginFailed
from gateway.signin.turns import TURNS
from tokens.signin.errors import IssuerAway
from tokens.signin.issuers import Issuer


def _ask(refresh_token: str) -> str:
    """Return the issuer's refresh token for the next time. Raises `IssuerRefused`, `IssuerAway`."""
    if not settings.GATEWAY.OIDC_ISSUER:
        raise IssuerAway("OIDC_ISSUER is not set, and this sign-in came from an issuer")
    try:
        with TURNS.lent():
            return loading.client().renewed(refresh_token)
    except LoginFailed as exc:
        raise IssuerAway(str(exc)) from exc


ISSUER = Issuer(_ask, TURNS.pause)
"""The issuer of the settings, for a refresh in its turn."""
