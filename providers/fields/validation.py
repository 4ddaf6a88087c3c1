"""Check every field of a provider, with the reference's words where it has some."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from gateway.kernel.regular import is_unicode
from providers.dialects.anthropic_call import FILES_BETA
from providers.drivers.openai_compatible import NEVER_EXTRA, TOOLS
from providers.drivers.table import DEFAULT_KIND, DRIVERS
from providers.errors import BadProvider
from providers.fields import own_secrets
from providers.models import Login, Responses

MAX_NAME, MAX_TEXT, MAX_URL = 64, 255, 1024
NAME = re.compile(r"[A-Za-z0-9._-]+")
HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
REGION = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
VARIABLE = re.compile(r"[^=\x00-\x1f\x7f]+")

UNSERVED_KINDS = ("crater",)


def name(value: object) -> str:
    text = _text("name", value).strip()
    if not text:
        raise BadProvider("name", "name is required")
    if not NAME.fullmatch(text):
        raise BadProvider("name", "name may contain only ASCII letters, digits, dash, underscore, and dot")
    return _short("name", text, MAX_NAME)


def kind(value: object) -> str:
    word = _text("kind", value).strip().lower()
    if word in UNSERVED_KINDS:
        raise BadProvider("kind", f"kind {word} can't be stored as a provider here")
    for driver in DRIVERS.values():
        if (word or DEFAULT_KIND) in (driver.kind, *driver.words):
            return driver.kind
    raise BadProvider("kind", f"unknown kind {word[:40]!r}: {' or '.join(DRIVERS)}")


def base_url(value: object) -> str:
    """Return http(s)://host[:port][/path], without trailing slashes; "" for kinds without address."""
    text = _text("base_url", value).strip().rstrip("/")
    if not text:
        return ""
    problem = "base_url must be http(s)://host[:port][/path], without user, query or fragment"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise BadProvider("base_url", problem) from None
    is_plain = parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0
    if not is_plain or "@" in parts.netloc or parts.query or parts.fragment or "?" in text or "#" in text:
        raise BadProvider("base_url", problem)
    if not text.isascii() or CONTROL.search(text) or " " in text or "\\" in text:
        raise BadProvider("base_url", problem)
    return _short("base_url", text, MAX_URL)


def api_key(value: object) -> str:
    text = _text("api_key", value)
    if CONTROL.search(text):
        raise BadProvider("api_key", "api_key may not contain line breaks or control characters")
    return text


def api_key_env(value: object) -> str:
    text = _text("api_key_env", value)
    if text and not VARIABLE.fullmatch(text):
        raise BadProvider("api_key_env", "api_key_env must be the name of a variable")
    if own_secrets.is_own(text):
        raise BadProvider("api_key_env", f"api_key_env: {own_secrets.problem(text)}")
    return _short("api_key_env", text, MAX_TEXT)


def model_names(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadProvider("models", "models must be a list of strings")
    return [_unicode("models", item) for item in value]


def headers(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise BadProvider("headers", "headers must be an object of strings")
    for key, text in value.items():
        if not isinstance(key, str) or not HEADER.fullmatch(key):
            raise BadProvider("headers", f"headers: {str(key)[:40]!r} can't be a header's name")
        if key.lower().encode() in NEVER_EXTRA | {b"x-api-key"}:
            raise BadProvider("headers", f"{key} is set by the gateway: a key belongs into api_key")
        if not isinstance(text, str) or CONTROL.search(text):
            raise BadProvider("headers", f"headers: the value of {key} must be a text of one line")
        if FILES_BETA.decode() in text.lower():
            raise BadProvider(
                "headers", f"{key}: callers ask for the files API themselves, or their files mix"
            )
        _unicode("headers", text)
    return dict(value)


def enabled(value: object) -> bool:
    if not isinstance(value, bool):
        raise BadProvider("enabled", "enabled must be true or false")
    return value


def priority(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1_000_000:
        raise BadProvider("priority", "priority must be a whole number from 0")
    return value


def responses(value: object) -> str:
    if value not in Responses.values:
        raise BadProvider("responses", f"responses must be one of {', '.join(Responses.values)}")
    return str(value)


def login(value: object) -> str:
    if value not in Login.values:
        raise BadProvider("login", f"login must be one of {', '.join(Login.values)}")
    return str(value)


def options(value: object) -> dict[str, str]:
    """Return a mapping of texts; which names a kind has, `rows.check_of_kind` knows."""
    if not isinstance(value, Mapping):
        raise BadProvider("options", "options must be an object of strings")
    for key, text in value.items():
        if not isinstance(key, str) or not isinstance(text, str) or CONTROL.search(text):
            raise BadProvider("options", f"options: option {str(key)[:40]!r} must be a text of one line")
        _unicode("options", key + text)
    return dict(value)


def tools(value: object) -> str:
    if value not in TOOLS:
        raise BadProvider("tools", f"tools must be one of {', '.join(TOOLS)}")
    return str(value)


_ONE_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
APIS = ("auto", "messages", "mantle", "invoke")


def _word(field: str) -> Callable[[object], str]:
    """Check a name that becomes a part of a URL or of a header; "" takes it out."""

    def check(value: object) -> str:
        text = _text(field, value)
        if text and not _ONE_WORD.fullmatch(text):
            raise BadProvider(
                field, f"{field} may contain only ASCII letters, digits, dot, colon, dash and _"
            )
        return text

    return check


def region(value: object) -> str:
    """Return a cloud's region, which becomes a part of a host's name."""
    text = _text("region", value)
    if text and not REGION.fullmatch(text):
        raise BadProvider("region", "region must be the name of one, such as eu-central-1")
    return text


def api(value: object) -> str:
    if value not in ("", *APIS):
        raise BadProvider("api", f"api must be one of {', '.join(APIS)}")
    return str(value)


def model_ids(value: object) -> dict[str, str]:
    """Return a mapping of names to what they are called at the provider."""
    if not isinstance(value, Mapping):
        raise BadProvider("model_ids", "model_ids must be an object of strings")
    for key, text in value.items():
        if not isinstance(key, str) or not isinstance(text, str) or not key or not text:
            raise BadProvider("model_ids", "model_ids must map names to ids, both not empty")
        if not (text.isascii() and text.isprintable()) or " " in text or CONTROL.search(key):
            raise BadProvider(
                "model_ids", f"model_ids: the id of {key[:40]!r} must be of visible ASCII letters"
            )
        _short("model_ids", _unicode("model_ids", key), MAX_TEXT)
        _short("model_ids", text, MAX_URL)
    return dict(value)


def _seconds(field: str) -> Callable[[object], float | None]:
    def check(value: object) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadProvider(field, f"{field} must be a number of seconds")
        if not math.isfinite(value) or value <= 0:
            raise BadProvider(field, f"{field} must be more than 0")
        return float(value)

    return check


def _words(field: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        return _short(field, _text(field, value), MAX_TEXT)

    return check


CHECKS: dict[str, Callable[[object], Any]] = {
    "name": name,
    "kind": kind,
    "base_url": base_url,
    "default_model": _words("default_model"),
    "models": model_names,
    "api_key": api_key,
    "api_key_env": api_key_env,
    "encrypted_api_key": lambda value: _text("encrypted_api_key", value),
    "enabled": enabled,
    "headers": headers,
    "priority": priority,
    "responses": responses,
    "login": login,
    "options": options,
    "tools": tools,
    "region": region,
    "project": _word("project"),
    "workspace": _word("workspace"),
    "api": api,
    "model_ids": model_ids,
    "connect_timeout_seconds": _seconds("connect_timeout_seconds"),
    "first_byte_timeout_seconds": _seconds("first_byte_timeout_seconds"),
    "idle_timeout_seconds": _seconds("idle_timeout_seconds"),
}
"""The check of each field, by its name in the API."""


def clean(values: Mapping[str, object]) -> dict[str, Any]:
    """Return the known fields, checked; unknown ones are left out, as in the reference.

    Raises `BadProvider`.
    """
    return {field: CHECKS[field](value) for field, value in values.items() if field in CHECKS}


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise BadProvider(field, f"{field} must be a string")
    return _unicode(field, value)


def _unicode(field: str, text: str) -> str:
    if not is_unicode(text) or "\0" in text:  # which PostgreSQL can't keep
        raise BadProvider(field, f"{field} is no Unicode text")
    return text


def _short(field: str, text: str, limit: int) -> str:
    if len(text) > limit:
        raise BadProvider(field, f"{field} may have at most {limit} characters")
    return text
