"""Speak to the issuer through Authlib: discovery, code flow with PKCE, state and nonce, the ID token, refreshes.

What is its own stands here: which endpoints and signatures are believed, and the quirks of known issuers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import OAuthError
from authlib.integrations.django_client import DjangoIntegration, DjangoOAuth2App
from django.http import HttpRequest
from joserfc.errors import JoseError
from requests import RequestException

from gateway.signin.oidc.errors import LoginFailed, LoginRefused
from gateway.signin.oidc.transport import BoundedSession
from gateway.signin.oidc.vouched import Vouched
from tokens.signin.errors import IssuerRefused

logger = logging.getLogger(__name__)

NAME = "issuer"
DISCOVERY = "/.well-known/openid-configuration"
DISCOVERED_SECONDS = 3600.0
LEEWAY_SECONDS = 60
SIGNATURES = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
)
"""Asymmetric ones: `none` proves nothing, and a shared key would let whoever has it sign for the issuer."""
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
GOOGLE = "accounts.google.com"
BROKEN = (
    *(AuthlibBaseError, JoseError, RequestException),
    *(ValueError, TypeError, KeyError, AttributeError, RuntimeError),
)
"""Everything that Authlib raises, the last line where an issuer's JSON has another shape than it should."""


class App(DjangoOAuth2App):  # type: ignore[misc]  # Authlib has no types
    """Authlib's client in Django's sessions, over our bounded calls."""

    client_cls = BoundedSession


class IssuerClient:
    """Client of one issuer, for all threads of this process. Asks for its metadata anew every hour."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, scopes: str) -> None:
        self._issuer = issuer
        self._names = {"client_id": client_id, "client_secret": client_secret}
        self._is_google = urlsplit(issuer).hostname == GOOGLE
        self._scopes = scopes
        self._lock = threading.Lock()
        self._app: Any = None
        self._until = 0.0

    def begin(self, request: HttpRequest, redirect_uri: str, after: str) -> str:
        """Return the address at the issuer that a browser is sent to; its session keeps what must come back."""
        with _told("can't be asked who you are"):
            app = self._discovered()
            made = app.create_authorization_url(redirect_uri, **self._parameters())
            app.save_authorize_data(request, redirect_uri=redirect_uri, after=after, **made)
            address: str = made["url"]
            return address

    def finish(self, request: HttpRequest, wanted: Iterable[str]) -> Vouched:
        """Return who came back from the issuer. Raises `LoginFailed`, `LoginRefused`.

        `wanted` are claims that are asked for once more where the ID token leaves them out.
        """
        with _told("sent you back with something that can't be believed"):
            app = self._discovered()
            kept = app.framework.get_state_data(request.session, request.GET.get("state")) or {}
            self._check_sender(app, request)
            token = app.authorize_access_token(request, claims_options=self._claims(), leeway=LEEWAY_SECONDS)
            claims = dict(token["userinfo"])
            self._complete(app, token, claims, wanted)
        return Vouched(
            claims,
            kept.get("after", ""),
            str(token.get("refresh_token") or ""),
            token.get("refresh_expires_in"),
        )

    def renewed(self, refresh_token: str) -> str:
        """Return the refresh token for the next time. Raises `IssuerRefused`, `LoginFailed`."""
        with _told("can't be asked whether somebody may stay"):
            app = self._discovered()
            with app._get_oauth_client(**app.server_metadata) as session:
                try:
                    token = session.refresh_token(
                        app.server_metadata["token_endpoint"], refresh_token, scope=None
                    )
                except OAuthError as exc:
                    if exc.error == "invalid_grant":
                        raise IssuerRefused from exc
                    raise
            if not token.get("access_token"):
                raise ValueError("no access token in the answer")
            return str(token.get("refresh_token") or refresh_token)

    def _discovered(self) -> Any:
        """Return Authlib's client with metadata that we believe."""
        with self._lock:
            if self._app is None or time.monotonic() >= self._until:
                self._app = self._made()
                self._until = time.monotonic() + DISCOVERED_SECONDS
            return self._app

    def _made(self) -> Any:
        scope = self._scopes
        if self._is_google:  # it knows no such scope, and has a parameter instead
            scope = " ".join(word for word in scope.split() if word != "offline_access")
        kwargs = {"scope": scope, "code_challenge_method": "S256"}
        address = self._issuer.rstrip("/") + DISCOVERY
        app = App(
            DjangoIntegration(NAME), NAME, server_metadata_url=address, client_kwargs=kwargs, **self._names
        )
        metadata = app.load_server_metadata()
        self._check(metadata)
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        metadata["id_token_signing_alg_values_supported"] = usable = sorted(SIGNATURES.intersection(offered))
        if not usable:
            raise ValueError("its metadata name no signature with a public key")
        ways = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if "client_secret_basic" not in ways and "client_secret_post" in ways:
            kwargs["token_endpoint_auth_method"] = "client_secret_post"  # noqa: S105 - a name of a way
        return app

    def _check(self, metadata: Mapping[str, Any]) -> None:
        told = metadata.get("issuer")
        if not isinstance(told, str) or told.rstrip("/") != self._issuer.rstrip("/"):
            raise ValueError("its metadata name another issuer")
        scheme = urlsplit(self._issuer).scheme
        for name in ENDPOINTS:
            address = urlsplit(str(metadata.get(name) or ""))
            if not address.hostname or address.scheme not in ("https", scheme):
                raise ValueError(f"its metadata have no usable {name}")

    def _claims(self) -> dict[str, Any]:
        return {
            "iss": {"essential": True, "values": [self._discovered().server_metadata["issuer"]]},
            "aud": {"essential": True, "value": self._names["client_id"]},
            "sub": {"essential": True},
        }

    def _check_sender(self, app: Any, request: HttpRequest) -> None:
        """Check who has sent the browser back, where the issuer says so (RFC 9207): not another issuer."""
        told = request.GET.get("iss")
        says_so = app.server_metadata.get("authorization_response_iss_parameter_supported") is True
        if (told is not None or says_so) and told != app.server_metadata["issuer"]:
            raise ValueError("another issuer has answered")

    def _complete(
        self, app: Any, token: Mapping[str, Any], claims: dict[str, Any], wanted: Iterable[str]
    ) -> None:
        """Add what a thin ID token leaves out and the issuer's userinfo has, as Okta does it."""
        if all(name in claims for name in wanted) or not app.server_metadata.get("userinfo_endpoint"):
            return
        try:
            more = app.userinfo(token=dict(token))
        except BROKEN as exc:  # what is missing is missing: who needs it says so
            logger.warning("the issuer's userinfo can't be read: %s", type(exc).__name__)
            return
        if more.get("sub") != claims.get("sub"):
            raise ValueError("its userinfo are about somebody else")
        claims.update({name: value for name, value in more.items() if name not in claims})

    def _parameters(self) -> dict[str, str]:
        if self._is_google and "offline_access" in self._scopes.split():
            return {"access_type": "offline", "prompt": "consent"}
        return {}


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn whatever goes wrong with an issuer into `LoginFailed`; what it said goes to the log."""
    try:
        yield
    except OAuthError as exc:
        logger.warning("the issuer %s: %s", what, f"{exc.error} {exc.description or ''}"[:300])
        if exc.error == "access_denied":
            raise LoginRefused("The issuer has not let you in, or you have refused.") from exc
        raise LoginFailed(f"The issuer {what}.") from exc
    except BROKEN as exc:
        logger.warning("the issuer %s: %s", what, f"{type(exc).__name__}: {exc}"[:300])
        raise LoginFailed(f"The issuer {what}.") from exc
