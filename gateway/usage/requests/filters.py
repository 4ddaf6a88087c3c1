"""Read what is asked of finished calls: the same words in queries, on the command line, on the page and in the feed."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.kernel import asking
from gateway.kernel.asking import BadParameter

SAME = {
    "person": "person",
    "token": "token_id",
    "group": "group",
    "provider": "provider",
    "account": "account",
    "surface": "surface",
}
"""Filters by a whole value, and the row's columns."""
NAMES = (*SAME, "model", "status", "slower_than", "from", "to", "q")
OK, FAILED = "ok", "failed"
CLASSES = ("2xx", "3xx", "4xx", "5xx")

_STATUS = re.compile(r"[1-5][0-9]{2}")
_SECONDS = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class Filters:
    """All must hold; "" and None ask for nothing. `model`: asked or served. `label`: text in the token's label."""

    same: tuple[tuple[str, str], ...] = ()  # column and value
    model: str = ""
    status: str = ""
    slower_than: float | None = None
    begins: datetime | None = None
    ends: datetime | None = None
    request_id: uuid.UUID | None = None
    label: str = ""


def read(given: Mapping[str, str]) -> Filters:
    """Read filters from words by name; an empty one asks for nothing. Raises `BadParameter`."""
    said = {name: asking.text(name, value) for name, value in given.items() if name in NAMES and value}
    request_id = _id(said.get("q", ""))
    return Filters(
        same=tuple((column, said[name]) for name, column in SAME.items() if name in said),
        model=said.get("model", ""),
        status=_status(said.get("status", "")),
        slower_than=_seconds(said.get("slower_than", "")),
        begins=asking.begins_at("from", said["from"]) if "from" in said else None,
        ends=asking.ends_at("to", said["to"]) if "to" in said else None,
        request_id=request_id,
        label="" if request_id else said.get("q", ""),
    )


def _status(text: str) -> str:
    if text and text not in (OK, FAILED, *CLASSES) and _STATUS.fullmatch(text) is None:
        raise BadParameter(
            "status", f"must be {OK}, {FAILED}, one of {', '.join(CLASSES)}, or a status such as 429"
        )
    return text


def _seconds(text: str) -> float | None:
    if not text:
        return None
    if _SECONDS.fullmatch(text) is None or not math.isfinite(float(text)):
        raise BadParameter("slower_than", "must be seconds, such as 2.5")
    return float(text)


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if len(text) == 36 else None
    except ValueError:
        return None
