"""Lists of models, read and written in both vendors' shapes.

Pure. A model in memory is the vendor's own object, as it came: fields that are not known here are passed on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import orjson

from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.types import Failure, FailureKind, Refused

DEFAULT_LIMIT, MAX_LIMIT = 20, 1000
UNKNOWN_DATE = "1970-01-01T00:00:00Z"
"""The date that Anthropic itself gives for an unknown one."""


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of a model list.

    `vendor` is the object that the provider listed, in the provider's own shape; {} = none did.
    """

    id: str
    owner: str  # the provider's name
    display_name: str = ""
    vendor: dict[str, Any] = field(default_factory=dict)


def read_models(body: bytes) -> list[dict[str, Any]] | None:
    """Return the objects in `data` that have an id; None when the body is no such list."""
    try:
        document = tolerant(orjson.loads, body)
    except UNREADABLE:
        return None
    data = document.get("data") if isinstance(document, dict) else document
    if not isinstance(data, list):
        return None
    return [one for one in data if isinstance(one, dict) and isinstance(one.get("id"), str) and one["id"]]


def in_anthropic_shape(model: Model) -> dict[str, Any]:
    """Return a model in Anthropic's shape, with the vendor's own fields where it is Anthropic's."""
    own = model.vendor if model.vendor.get("type") == "model" else {}
    name = model.display_name or own.get("display_name") or model.vendor.get("name") or model.id
    created = own.get("created_at") or _moment(model.vendor.get("created"))
    return {**own, "type": "model", "id": model.id, "display_name": name, "created_at": created}


def in_openai_shape(model: Model) -> dict[str, Any]:
    """Return a model in OpenAI's shape, with the vendor's own fields where it is OpenAI's.

    `display_name` stays, for clients that show it.
    """
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


def openai_list(models: Sequence[Model], query: bytes) -> dict[str, Any]:
    """Return all of them: OpenAI's list has no pages."""
    return {"object": "list", "data": [in_openai_shape(one) for one in models]}


def anthropic_page(models: Sequence[Model], query: bytes) -> dict[str, Any]:
    """Return a page by `limit`, `after_id`, `before_id`. Raises `Refused`."""
    asked = {name: values[-1] for name, values in parse_qs(query.decode("latin-1")).items()}
    raw = asked.get("limit", str(DEFAULT_LIMIT))
    if not (raw.isascii() and raw.isdigit()) or not 1 <= int(raw) <= MAX_LIMIT:
        message = f"limit: must be a whole number from 1 to {MAX_LIMIT}"
        raise Refused(Failure(FailureKind.INVALID_REQUEST, message, param="limit"))
    limit, ids = int(raw), [model.id for model in models]
    start, end = 0, len(models)
    if "after_id" in asked:
        start = _place("after_id", asked["after_id"], ids) + 1
    if "before_id" in asked:
        end = _place("before_id", asked["before_id"], ids)
        cut = models[max(start, end - limit) : end]
        has_more = end - limit > start
    else:
        cut = models[start : start + limit]
        has_more = start + limit < end
    return {
        "data": [in_anthropic_shape(one) for one in cut],
        "has_more": has_more,
        "first_id": cut[0].id if cut else None,
        "last_id": cut[-1].id if cut else None,
    }


def _place(name: str, value: str, ids: list[str]) -> int:
    if value not in ids:
        raise Refused(Failure(FailureKind.INVALID_REQUEST, f"{name}: there is no model {value}", param=name))
    return ids.index(value)
