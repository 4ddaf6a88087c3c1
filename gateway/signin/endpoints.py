"""Answer Claude Code as it signs in: where everything is, a code for its person, its bearer, and its sign-out."""

from __future__ import annotations

import time

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from gateway.access import principals
from gateway.access.gate import bucket_of
from gateway.access.guards import address_of
from gateway.signin import forms
from gateway.signin.base import base_of, served
from gateway.signin.oidc.asking import ISSUER
from gateway.tries import counting
from gateway.tries.counting import Rule
from tokens.signin import device, ending, grants
from tokens.signin.bearers import Pair
from tokens.signin.device import Asked

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
REFRESH_GRANT = "refresh_token"
WINDOW_SECONDS = 600.0


@served
@require_safe
def metadata(request: HttpRequest) -> HttpResponseBase:
    """Answer `GET /.well-known/oauth-authorization-server` (RFC 8414)."""
    base = base_of(request)
    return forms.answer(
        200,
        {
            "issuer": base,
            "device_authorization_endpoint": f"{base}/oauth/device_authorization",
            "token_endpoint": f"{base}/oauth/token",
            "revocation_endpoint": f"{base}/oauth/revoke",
            "grant_types_supported": [DEVICE_GRANT, REFRESH_GRANT],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
        },
    )


@forms.oauth
def device_authorization(request: HttpRequest) -> HttpResponseBase:
    """Answer `POST /oauth/device_authorization` (RFC 8628, 3.1): nothing is needed, so nothing is wrong."""
    fields = forms.fields_if_any(request)
    options = settings.GATEWAY
    address = address_of(request)
    rule = Rule("device-start", options.DEVICE_STARTS, WINDOW_SECONDS)
    counting.count([(rule, bucket_of(address))], time.time())
    client = request.headers.get("User-Agent", "")
    begun = device.begin(Asked(fields.get("surface", ""), client, address))
    page = f"{base_of(request)}/device"
    told: dict[str, object] = {
        "device_code": begun.device_code,
        "user_code": begun.user_code,
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={begun.user_code}",
        "expires_in": max(1, round(options.DEVICE_CODE_SECONDS)),
        "interval": device.shown_interval(),
    }
    if options.LOGIN_NOTICE:
        told["login_notice"] = options.LOGIN_NOTICE
    return forms.answer(200, told)


@forms.oauth
def token(request: HttpRequest) -> HttpResponseBase:
    """Answer `POST /oauth/token`: a bearer for a code that was approved, or for a refresh token."""
    fields = forms.fields_of(request)
    kind = forms.required(fields, "grant_type")
    principal = principals.of_caller_login(address_of(request))
    if kind == DEVICE_GRANT:
        return _given(grants.take(forms.required(fields, "device_code"), principal=principal))
    if kind == REFRESH_GRANT:
        presented = forms.required(fields, "refresh_token")
        return _given(grants.refresh(presented, ISSUER, principal=principal))
    return forms.refusal(400, "unsupported_grant_type", f"ask for {DEVICE_GRANT} or {REFRESH_GRANT}")


@forms.oauth
def revoke(request: HttpRequest) -> HttpResponseBase:
    """Answer `POST /oauth/revoke` (RFC 7009): what is no token of ours is as good as revoked."""
    sign_in = ending.of_presented(forms.fields_if_any(request).get("token", ""))
    if sign_in is not None:
        principal = principals.of_caller_login(address_of(request))
        ending.sign_out(sign_in, principal=principal)
    return forms.answer(200, {})


def _given(pair: Pair) -> HttpResponseBase:
    told: dict[str, object] = {
        "access_token": pair.bearer,
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
        "refresh_token": pair.refresh_token,
    }
    if pair.email:
        told["email"] = pair.email
    return forms.answer(200, told)
