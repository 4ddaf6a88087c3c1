"""Lists of models, read and written in both vendors' shapes. Pure.

A model in memory is the vendor's own object, as it came: fields that nobody knows here are passed on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

UNKNOWN_DATE = "1970-01-01T00:00:00Z"
"""What Anthropic itself says for a date that nobody knows."""


@dataclass(frozen=True, slots=True)
class Model:
    """One entry. `vendor` is the object that the provider listed, in the provider's own shape; {} = none did."""

    id: str
    owner: str  # the provider's name
    display_name: str = ""
    vendor: dict[str, Any] = field(default_factory=dict)


def read_models(body: bytes) -> list[dict[str, Any]] | None:
    """The objects in `data` that have an id; None when the body is no such list."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    data = document.get("data") if isinstance(document, dict) else document
    if not isinstance(data, list):
        return None
    return [one for one in data if isinstance(one, dict) and isinstance(one.get("id"), str) and one["id"]]


def in_anthropic_shape(model: Model) -> dict[str, Any]:
    """With the vendor's own fields where it is Anthropic's."""
    own = model.vendor if model.vendor.get("type") == "model" else {}
    name = model.display_name or own.get("display_name") or model.vendor.get("name") or model.id
    created = own.get("created_at") or _moment(model.vendor.get("created"))
    return {**own, "type": "model", "id": model.id, "display_name": name, "created_at": created}


def in_openai_shape(model: Model) -> dict[str, Any]:
    """With the vendor's own fields where it is OpenAI's; `display_name` stays, for who wants to show it."""
    own = model.vendor if model.vendor.get("type") != "model" else {}
    name = model.display_name or model.vendor.get("display_name")
    shaped = {
        **own,
        "id": model.id,
        "object": "model",
        "created": own.get("created") if isinstance(own.get("created"), int) else _seconds(model),
        "owned_by": own.get("owned_by") or model.owner,
    }
    return {**shaped, "display_name": name} if name else shaped


def _moment(created: object) -> str:
    if isinstance(created, bool) or not isinstance(created, int | float) or not 0 < created < 1e11:
        return UNKNOWN_DATE
    return datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(model: Model) -> int:
    created = model.vendor.get("created_at")
    try:
        return int(datetime.fromisoformat(str(created)).timestamp()) if created else 0
    except ValueError:
        return 0
