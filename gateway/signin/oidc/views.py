"""Lead a browser to the issuer, and log in whom it sends back."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_safe

from gateway.access import logins as recorded
from gateway.access import principals
from gateway.access.guards import address_of
from gateway.signin import pages, sessions
from gateway.signin.base import base_of, host_of, served
from gateway.signin.oidc import loading
from gateway.signin.oidc.errors import LoginFailed, LoginRefused
from gateway.signin.oidc.vouched import Vouched
from tokens.people import arriving
from tokens.people.arriving import Arrival, NotAdmitted

logger = logging.getLogger(__name__)

BACKEND = "django.contrib.auth.backends.ModelBackend"
CALLBACK = "/oauth/callback"


@served
@require_safe
def begin(request: HttpRequest) -> HttpResponseBase:
    """`GET /oauth/oidc` sends the browser to the issuer."""
    after = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(after, {request.get_host()}, request.is_secure()):
        after = "/"
    try:
        return redirect(loading.client().begin(request, base_of(request) + CALLBACK, after))
    except LoginFailed as exc:
        return _failed(request, str(exc), 503)


@served
@require_safe
def callback(request: HttpRequest) -> HttpResponseBase:
    """`GET /oauth/callback` logs in whom the issuer has sent back."""
    options = settings.GATEWAY
    try:
        vouched = loading.client().finish(request, ("email", options.OIDC_GROUPS_CLAIM))
        arrival = arrival_of(vouched.claims, options.OIDC_ISSUER, options.OIDC_GROUPS_CLAIM)
        _check_domain(arrival.email)
        principal = principals.of_caller_login(address_of(request))
        user = arriving.arrive(arrival, principal=principal)
    except LoginFailed as exc:
        return _failed(request, str(exc), 502)
    except (LoginRefused, NotAdmitted) as exc:
        return _failed(request, str(exc), 403)
    login(request, user, BACKEND)
    recorded.record(request, "login.ok", "issuer")
    _keep(request, vouched)
    return redirect(vouched.after or "/")


def arrival_of(claims: Mapping[str, Any], issuer: str, groups_claim: str) -> Arrival:
    """Read who came and what the issuer says of her. Raises `LoginRefused`."""
    email, subject = claims.get("email"), claims.get("sub")
    if not isinstance(email, str) or not email.strip():
        # A `preferred_username` is no address, though it may look like one: its owner can choose it.
        raise LoginRefused(
            "The issuer does not tell your e-mail address in the claim email; another name is not taken for it. "
            "Ask its operator for the scope or claim."
        )
    verified = str(claims.get("email_verified", "")).lower()  # some send a text
    if verified == "false":
        raise LoginRefused("The issuer has not verified your e-mail address yet.")
    name = claims.get("name")
    return Arrival(
        issuer=issuer,
        subject=str(subject),
        email=email.strip().lower(),
        name=name if isinstance(name, str) else "",
        is_verified=verified == "true",
        groups=_groups(claims, groups_claim),
    )


def _groups(claims: Mapping[str, Any], claim: str) -> tuple[str, ...] | None:
    """Return the groups that the issuer names; None where it names none at all.

    Keycloak writes them as paths; Entra leaves more than 200 out and says that there are some.
    """
    told = claims.get(claim)
    if not told and _has_more(claims, claim):
        logger.warning("the issuer leaves out groups of somebody in too many: hers stay as they are")
        return None
    if told is None:
        return None
    names = [told] if isinstance(told, str) else told
    if not isinstance(names, list):
        raise LoginRefused("The issuer tells your groups in a form that can't be read.")
    return tuple(name.removeprefix("/") for name in names if isinstance(name, str) and name.strip("/ "))


def _has_more(claims: Mapping[str, Any], claim: str) -> bool:
    """Tell whether she is in groups that are not in the token: too many for it, as Entra says in two ways."""
    elsewhere = claims.get("_claim_names")
    is_elsewhere = isinstance(elsewhere, Mapping) and claim in elsewhere
    return is_elsewhere or str(claims.get("hasgroups", "")).lower() == "true"


def _check_domain(email: str) -> None:
    allowed = {domain.lower().removeprefix("@") for domain in settings.GATEWAY.OIDC_ALLOWED_DOMAINS}
    if allowed and email.rpartition("@")[2] not in allowed:
        raise LoginRefused("Your e-mail address is of a domain that may not sign in here.")


def _keep(request: HttpRequest, vouched: Vouched) -> None:
    """Keep the issuer's refresh token, unless it will be over before we first use it."""
    if not vouched.refresh_token:
        sessions.drop(request)
        return
    ends_in = vouched.ends_in
    if isinstance(ends_in, int | float) and 0 < ends_in <= settings.GATEWAY.SIGN_IN_TOKEN_SECONDS:
        logger.warning(
            "the issuer's refresh token ends in %d s, before a sign-in is refreshed: it is not used. "
            "Ask for the scope offline_access",
            ends_in,
        )
        sessions.drop(request)
        return
    sessions.keep(request, vouched.refresh_token)


def _failed(request: HttpRequest, text: str, status: int) -> HttpResponseBase:
    context: dict[str, object] = {"text": text, "host": host_of(base_of(request))}
    return pages.shown(request, "failed", context, status)
