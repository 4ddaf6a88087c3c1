"""Check what channels and rules are given: each field is named when it can't be taken."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from gateway.alerts.errors import BadAlert
from gateway.alerts.models import NAME_LENGTH, SUBJECT_LENGTH, AlertEvent, ChannelKind
from gateway.kernel.egress import PORTS, EgressRefused, origin_of

LONGEST_TARGET = 2_000
MOST_CHANNELS = 50
SECRET_PREFIX = "whsec_"  # noqa: S105 - what it begins with
SECRET_BYTES = (24, 64)
CHANNEL_FIELDS = ("name", "kind", "target", "secret")
RULE_FIELDS = ("event", "threshold", "subject", "channels", "enabled", "quiet_from", "quiet_to")
THRESHOLDS = {
    AlertEvent.BUDGET: (80, 1, 1000),
    AlertEvent.ERROR_RATE: (20, 1, 100),
    AlertEvent.TOKEN_EXPIRES: (3, 1, 3650),
    AlertEvent.DISK: (90, 1, 100),
}
"""Of events that have a threshold: the usual one, the least and the most."""
KINDS_OF_SUBJECT: dict[str, tuple[str, ...]] = {
    AlertEvent.BUDGET: ("token", "group", "person"),
    AlertEvent.ACCOUNT_OUT: ("account", "provider"),
    AlertEvent.ACCOUNT_LOGIN: ("account", "provider"),
    AlertEvent.PROVIDER_OUT: ("provider",),
    AlertEvent.ERROR_RATE: ("account", "provider", "token", "group", "person"),
    AlertEvent.TOKEN_EXPIRES: ("token",),
    AlertEvent.DISK: ("disk",),
    AlertEvent.DATABASE: ("database",),
    AlertEvent.REDIS: ("redis",),
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]*")
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


def channel(given: Mapping[str, object], kind: str = "") -> dict[str, str]:
    """Return the fields of a new channel, or those to change of one of this kind. Raises `BadAlert`."""
    _only(given, CHANNEL_FIELDS)
    found = {}
    if not kind:
        found["name"] = _name(given.get("name"))
        found["kind"] = kind = _one_of("kind", given.get("kind"), ChannelKind.values)
    else:
        for name in ("name", "kind"):
            if name in given:
                raise BadAlert(name, "can't be changed: make another channel")
    if "target" in given or "name" in found:
        found["target"] = target(kind, given.get("target"))
    if kind != ChannelKind.WEBHOOK:
        if given.get("secret"):
            raise BadAlert("secret", "only webhooks are signed")
    elif "secret" in given or "name" in found:
        found["secret"] = webhook_secret(given.get("secret"))
    return found


def target(kind: str, value: object) -> str:
    """Return where a channel sends to: addresses of people, or a URL. Raises `BadAlert`."""
    text = _text("target", value, LONGEST_TARGET).strip()
    if kind == ChannelKind.EMAIL:
        addresses = [each.strip() for each in text.split(",") if each.strip()]
        try:
            for each in addresses:
                validate_email(each)
        except ValidationError:
            addresses = []
        if not addresses:
            raise BadAlert("target", "must be an e-mail address, or several with commas between them")
        return ", ".join(addresses)
    try:
        scheme, _, port = origin_of(text)
    except EgressRefused as exc:
        raise BadAlert("target", f"{exc}: https://host/…, without a user") from None
    is_plain = scheme == "https" and port == PORTS["https"]
    if not is_plain and not settings.GATEWAY.EGRESS_ALLOWED_NETWORKS:
        raise BadAlert(
            "target",
            "must be https:// on port 443; EGRESS_ALLOWED_NETWORKS opens networks to other addresses",
        )
    return text


def webhook_secret(value: object) -> str:
    """Return the secret that a webhook is signed with; one is made where none is given. Raises `BadAlert`."""
    if value is None or value == "":
        return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    text = _text("secret", value, 200)
    try:
        size = len(base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not (text.startswith(SECRET_PREFIX) and SECRET_BYTES[0] <= size <= SECRET_BYTES[1]):
        raise BadAlert(
            "secret", f"must be {SECRET_PREFIX} and the base64 of 24 to 64 bytes; null: one is made"
        )
    return text


def rule(given: Mapping[str, object], before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return all fields of a rule, those not given as they were `before`, or as usual. Raises `BadAlert`."""
    _only(given, RULE_FIELDS)
    usual: Mapping[str, Any] = before or {
        "subject": "", "channels": None, "enabled": True, "quiet_from": "", "quiet_to": "",
    }  # fmt: skip
    whole = {**usual, **given}
    event = _one_of("event", whole.get("event"), AlertEvent.values)
    if before is not None and event != before["event"] and "threshold" not in given:
        whole.pop("threshold", None)
    quiet = {name: _clock(name, whole[name]) for name in ("quiet_from", "quiet_to")}
    if bool(quiet["quiet_from"]) != bool(quiet["quiet_to"]):
        missing = "quiet_to" if quiet["quiet_from"] else "quiet_from"
        raise BadAlert(missing, "quiet hours need both ends")
    if quiet["quiet_from"] and quiet["quiet_from"] == quiet["quiet_to"]:
        raise BadAlert("quiet_to", "must not be quiet_from")
    if not isinstance(whole["enabled"], bool):
        raise BadAlert("enabled", "must be true or false")
    return {
        "event": event,
        "threshold": _threshold(event, whole.get("threshold")),
        "subject": _subject(event, whole["subject"]),
        "channels": _names(whole["channels"]) if before is None or "channels" in given else whole["channels"],
        "enabled": whole["enabled"],
        **quiet,
    }


def _threshold(event: str, value: object) -> int | None:
    terms = THRESHOLDS.get(AlertEvent(event))
    if terms is None:
        if value not in (None, 0, ""):
            raise BadAlert("threshold", f"{event} has none")
        return None
    usual, least, most = terms
    if value is None:
        return usual
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadAlert("threshold", f"must be a whole number from {least} to {most}")
    return value


def _subject(event: str, value: object) -> str:
    if value in (None, ""):
        return ""
    text, kinds = _text("subject", value, SUBJECT_LENGTH), KINDS_OF_SUBJECT[event]
    kind, colon, _ = text.partition(":")
    if not colon or kind not in kinds:
        raise BadAlert(
            "subject", f"must be empty for all, or begin with {' or '.join(f'{each}:' for each in kinds)}"
        )
    return text


def _names(value: object) -> list[str]:
    if not isinstance(value, list | tuple) or not value or not all(isinstance(each, str) for each in value):
        raise BadAlert("channels", "must be a list of names of channels, at least one")
    if len(value) > MOST_CHANNELS:
        raise BadAlert("channels", f"must be at most {MOST_CHANNELS}")
    return list(dict.fromkeys(value))


def _name(value: object) -> str:
    text = _text("name", value, NAME_LENGTH)
    if _NAME.fullmatch(text) is None:
        raise BadAlert("name", "must be letters, digits, blanks, dots, hyphens and underscores")
    return text


def _clock(name: str, value: object) -> str:
    if value in (None, ""):
        return ""
    if not isinstance(value, str) or _CLOCK.fullmatch(value) is None:
        raise BadAlert(name, "must be a time of day such as 22:00")
    return value


def _one_of(name: str, value: object, known: list[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise BadAlert(name, f"must be one of {', '.join(known)}")
    return value


def _text(name: str, value: object, length: int) -> str:
    if not isinstance(value, str) or not value or len(value) > length or not value.isprintable():
        raise BadAlert(name, f"must be a text of 1 to {length} printable characters")
    return value


def _only(given: Mapping[str, object], known: tuple[str, ...]) -> None:
    unknown = next((name for name in given if name not in known), None)
    if unknown is not None:
        raise BadAlert(unknown[:64], f"unknown field; known are {', '.join(known)}")
