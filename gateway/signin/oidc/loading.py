"""Make the client of the issuer when it is first needed: only who has an issuer pays for Authlib."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from gateway.signin.oidc.client import IssuerClient


def client() -> IssuerClient:
    """Return this process's client of the issuer that the settings name."""
    options = settings.GATEWAY
    return _client(
        options.OIDC_ISSUER, options.OIDC_CLIENT_ID, options.OIDC_CLIENT_SECRET, options.OIDC_SCOPES
    )


@lru_cache(maxsize=4)
def _client(issuer: str, client_id: str, client_secret: str, scopes: str) -> IssuerClient:
    from gateway.signin.oidc.client import IssuerClient  # noqa: PLC0415 - see above

    return IssuerClient(issuer, client_id, client_secret, scopes)
