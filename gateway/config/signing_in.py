"""Say what the options of signing in may be: the public address, the notice, and what an issuer needs. No Django."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from gateway.config.table import Options

LONGEST_NOTICE = 500
ROLES = ("viewer", "operator", "admin", "developer")
ISSUER_OPTIONS = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")


def check_public_url(raw: str) -> None:
    """Raise `ValueError` for what is no address of a gateway: https, or http on this machine; no path."""
    parts = urlsplit(raw)
    if parts.scheme not in ("http", "https") or not parts.hostname or raw != raw.strip():
        raise ValueError
    parts.port  # noqa: B018 - raises ValueError for a port that is none
    if parts.username is not None or parts.path not in ("", "/") or "?" in raw or "#" in raw:
        raise ValueError
    if parts.scheme == "http" and not is_loopback_name(parts.hostname):
        raise ValueError


def check_notice(raw: str) -> None:
    """Raise `ValueError` for a notice that is too long to be shown beside a code, or is no plain text."""
    if len(raw) > LONGEST_NOTICE or not all(letter.isprintable() or letter == "\n" for letter in raw):
        raise ValueError


def is_loopback_name(host: str) -> bool:
    """Tell whether a host's name or address means this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def problems(options: Options) -> Iterator[str]:
    """Yield what is wrong with the options of an issuer: given in part, or never able to say who somebody is."""
    for each in options.OIDC_ROLES:
        group, _, role = each.rpartition("=")
        if not group.strip() or role not in ROLES:
            yield f"OIDC_ROLES must be a list of group=role, with one of {', '.join(ROLES)}; not {each}"
    missing = [name for name in ISSUER_OPTIONS if not getattr(options, name)]
    if len(missing) == len(ISSUER_OPTIONS):
        return
    if missing:
        yield f"{' and '.join(missing)} must be set: an issuer needs all of {', '.join(ISSUER_OPTIONS)}"
    if "openid" not in options.OIDC_SCOPES.split():
        yield "OIDC_SCOPES must name openid: without it the issuer does not say who somebody is"
