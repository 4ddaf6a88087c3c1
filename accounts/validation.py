"""Check and type what an operator says about an account; a wrong field is named."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from accounts.errors import BadAccount
from accounts.models import Source
from providers.fields import own_secrets
from providers.fields.validation import REGION

NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,127}")
RESERVED_NAME = re.compile(r"primary|api-key|account-\d+")
VENDOR_KEYS = {"anthropic": "ANTHROPIC_API_KEY"}
"""The secrets among our options that are a vendor's, and go to it alone."""
PROXY = re.compile(r"(?:http|socks5h?)://(?:[^\s/@]+@)?(?:\[[0-9a-fA-F:.]+\]|[^\s/@:\[\]]+)(?::\d{1,5})?/?")
NAME_THERE = re.compile(r"[\w.:/+=,@-]*", re.ASCII)
MAX_CAPS = 8
Check = Callable[[Any], Any]


def clean(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same fields, checked and normalised. Raises `BadAccount` naming the first wrong one."""
    unknown = sorted(set(values) - set(CHECKS))
    if unknown:
        raise BadAccount(unknown[0], "unknown field")
    cleaned = {}
    for field, value in values.items():
        try:
            cleaned[field] = CHECKS[field](value)
        except ValueError as exc:
            raise BadAccount(field, str(exc)) from None
    return cleaned


def check_new_name(name: str) -> None:
    """Refuse a name that is kept for the environment's accounts. Raises `BadAccount`."""
    if RESERVED_NAME.fullmatch(name):
        raise BadAccount("name", f"{name!r} is kept for accounts named by the environment")


def check_source(source: str, location: str, secret: str) -> None:
    """Check the fields that go with a source. Raises `BadAccount`."""
    if source == Source.DIRECTORY and not Path(location).is_absolute():
        raise BadAccount("location", "a directory account needs an absolute path")
    if source == Source.ENVIRONMENT and not VARIABLE.fullmatch(location):
        raise BadAccount("location", "an environment account needs a variable's name")
    if source in (Source.API_KEY, Source.OAUTH):
        if not secret:
            raise BadAccount("secret", f"a new {source} account needs its secret")
        if location:
            raise BadAccount("location", f"an {source} account has none")


def check_variable(source: str, location: str, provider: str) -> None:
    """Refuse a variable that holds a secret of the gateway: those go to nobody."""
    if source == Source.ENVIRONMENT and is_own_variable(location, provider):
        raise BadAccount("location", own_secrets.problem(location))


def is_own_variable(name: str, provider: str) -> bool:
    """Tell whether a variable holds a secret of ours that isn't this provider's key."""
    return own_secrets.is_own(name) and VENDOR_KEYS.get(provider) != name


def check_pair(source: str, fields: Mapping[str, Any]) -> None:
    """Check that secrets go with the sources that store them. Raises `BadAccount`."""
    if source != Source.OAUTH and (fields.get("refresh_token") or fields.get("expires_at")):
        raise BadAccount("refresh_token", "only an oauth account has a pair")
    if source in (Source.API_KEY, Source.OAUTH) and "secret" in fields and not fields["secret"]:
        raise BadAccount("secret", "can't be empty")
    if source in (Source.DIRECTORY, Source.ENVIRONMENT) and fields.get("secret"):
        raise BadAccount("secret", f"a {source} account keeps its secret elsewhere")


def check_refreshable(source: str, provider: str) -> None:
    """Refuse an oauth account of another vendor than Anthropic. Raises `BadAccount`.

    A refresh token goes to OAUTH_TOKEN_URL, which is Anthropic's: another vendor's must never be sent there.
    """
    if source == Source.OAUTH and provider != "anthropic":
        raise BadAccount(
            "provider", "an oauth account is one of `anthropic`; use an api_key account for others"
        )


def _name(value: Any) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ValueError("1 to 64 ASCII letters, digits, dash, underscore and dot")
    return value


def _choice(value: Any) -> str:
    if value not in Source.values:
        raise ValueError(f"one of {', '.join(Source.values)}")
    return str(value)


def _text(limit: int) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or len(value) > limit or "\0" in value:
            raise ValueError(f"a text of at most {limit} characters")
        return value

    return check


def _secret(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError("a text")
    secret = value.strip()
    if secret.startswith("{") and not secret.isprintable():  # a cloud's login, on as many lines as it came
        try:
            secret = json.dumps(json.loads(secret))
        except ValueError:
            raise ValueError("no JSON") from None
    if len(secret) > 8192 or not (secret.isascii() and secret.isprintable()):
        raise ValueError("at most 8192 printable ASCII characters")
    return secret


def _whole(low: int, high: int, *, nullable: bool = False) -> Check:
    def check(value: Any) -> int | None:
        if value is None and nullable:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}{' or null' if nullable else ''}")
        return value

    return check


def _region(value: Any) -> str:
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not REGION.fullmatch(value):
        raise ValueError("the name of a region, such as eu-central-1")
    return value


def _name_there(value: Any) -> str:
    """Return an id, or a role's ARN."""
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 255 or not NAME_THERE.fullmatch(value):
        raise ValueError("at most 255 visible ASCII letters")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _moment(value: Any) -> float | None:
    """Return Unix seconds or None. A number that can only be milliseconds is refused, not guessed at."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("Unix seconds or null")
    if not 0 < value < 1e11:
        raise ValueError("Unix seconds (not milliseconds) or null")
    return float(value)


def _proxy(value: Any) -> str:
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not PROXY.fullmatch(value) or len(value) > 1024:
        raise ValueError("http://[user:password@]host:port or socks5://[user:password@]host:port")
    return value


def _caps(value: Any) -> list[dict[str, int]]:
    if not isinstance(value, list) or len(value) > MAX_CAPS:
        raise ValueError(f"a list of at most {MAX_CAPS} caps")
    caps = []
    for item in value:
        if not isinstance(item, dict) or set(item) != {"requests", "window_seconds"}:
            raise ValueError('each cap is {"requests": n, "window_seconds": n}')
        caps.append(
            {
                "requests": _whole(1, 10**9)(item["requests"]),
                "window_seconds": _whole(1, 32 * 86400)(item["window_seconds"]),
            }
        )
    return caps


CHECKS: dict[str, Check] = {
    "name": _name,
    "provider": _name,
    "source": _choice,
    "location": _text(1024),
    "region": _region,
    "secret": _secret,
    "session_token": _secret,
    "access_key_id": _name_there,
    "role_arn": _name_there,
    "tenant_id": _name_there,
    "client_id": _name_there,
    "refresh_token": _secret,
    "expires_at": _moment,
    "proxy": _proxy,
    "is_paused": _flag,
    "priority": _whole(0, 10**6),
    "weight": _whole(1, 1000),
    "request_caps": _caps,
    "max_parallel": _whole(1, 10**6, nullable=True),
    "pause_at_percent": _whole(1, 100, nullable=True),
}
