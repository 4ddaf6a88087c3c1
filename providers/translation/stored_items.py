"""Conversations that the client does not repeat: what it refers to, put in; what a later call needs, taken out. Pure.

A Responses client may send `previous_response_id` or `item_reference` instead of the items themselves. Who keeps
them is not this module's business: it is given stored items as JSON, and gives items to store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from providers.dialects.envelopes import read_object, write_object
from providers.dialects.sse import SseReader
from providers.dialects.types import Failure, FailureKind, Refused

Items = list[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class References:
    """What a call refers to. Both empty: it says everything itself."""

    previous_response_id: str | None = None
    item_ids: tuple[str, ...] = ()
    is_to_be_stored: bool = True  # `store` is not false


class _Item(msgspec.Struct):
    type: str | None = None
    id: str | None = None
    role: str | None = None

    @property
    def is_reference(self) -> bool:
        return self.id is not None and (
            self.type == "item_reference" or (self.type is None and self.role is None)
        )


class _Body(msgspec.Struct):
    previous_response_id: str | None = None
    store: bool | None = None
    input: msgspec.Raw = msgspec.Raw()


class _Response(msgspec.Struct):
    id: str | None = None
    output: Items = []


_body_decoder = msgspec.json.Decoder(_Body)
_item_decoder = msgspec.json.Decoder(_Item)
_items_decoder = msgspec.json.Decoder(list[_Item])
_raw_items_decoder = msgspec.json.Decoder(Items)
_response_decoder = msgspec.json.Decoder(_Response)


def references(body: bytes) -> References:
    """What the call refers to. A body that can't be read refers to nothing: its reader says what is wrong."""
    try:
        seen = _body_decoder.decode(body)
        items = _items_decoder.decode(seen.input) if bytes(seen.input).lstrip()[:1] == b"[" else []
    except (msgspec.DecodeError, RecursionError):
        return References()
    ids = tuple(item.id for item in items if item.is_reference and item.id is not None)
    return References(seen.previous_response_id, ids, seen.store is not False)


def expanded(body: bytes, previous: bytes | None, items: Mapping[str, bytes]) -> bytes:
    """The body as if the client had repeated everything.

    `previous`: the conversation stored with the response before (a JSON array); `items`: stored items by id.
    Raises `Refused` (kind `not_found`) for an id that is not among them. Instructions are not carried over.
    """
    fields = read_object(body)
    fields.pop("previous_response_id", None)
    before: Items = _raw_items_decoder.decode(previous) if previous is not None else []
    own = [_resolved(item, items) for item in _input_items(fields.get("input"))]
    return write_object({**fields, "input": _array([bytes(item) for item in before] + own)})


def conversation(body: bytes, response: bytes) -> bytes:
    """What to store with a response: the input it had (already expanded) and its output, as one JSON array."""
    given = _input_items(read_object(body).get("input"))
    return _array([bytes(item) for item in (*given, *_response_decoder.decode(response).output)])


def output_items(response: bytes) -> dict[str, bytes]:
    """The items of a response by id: what `item_reference` may name later."""
    found: dict[str, bytes] = {}
    for raw in _response_decoder.decode(response).output:
        item_id = _item_decoder.decode(raw).id
        if item_id is not None:
            found[item_id] = bytes(raw)
    return found


def response_id(response: bytes) -> str | None:
    return _response_decoder.decode(response).id


class FinalResponse:
    """Watches a Responses stream on its way to the client for the response object that ends it."""

    def __init__(self) -> None:
        self._reader = SseReader()
        self.response: bytes | None = None  # JSON; stays None while nothing ended well

    def see(self, chunk: bytes) -> None:
        for name, data in self._reader.feed(chunk):
            if name in (b"response.completed", b"response.incomplete"):
                raw = read_object(data).get("response")
                self.response = bytes(raw) if raw is not None else None


def _input_items(raw: msgspec.Raw | None) -> list[bytes]:
    text = bytes(raw).lstrip() if raw is not None else b""
    if text[:1] == b"[":
        return [bytes(item) for item in _raw_items_decoder.decode(text)]
    if text[:1] == b'"':
        return [b'{"type":"message","role":"user","content":%b}' % text]
    return []


def _resolved(item: bytes, items: Mapping[str, bytes]) -> bytes:
    seen = _item_decoder.decode(item)
    if not seen.is_reference or seen.id is None:
        return item
    if seen.id not in items:
        raise Refused(Failure(FailureKind.NOT_FOUND, f"Item with id '{seen.id}' not found.", param="input"))
    return items[seen.id]


def _array(items: list[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"
