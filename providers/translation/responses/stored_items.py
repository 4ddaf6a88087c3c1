"""Put in the stored items that a Responses call refers to, and take out those that a later call needs.

Pure. A Responses client may send `previous_response_id` or `item_reference` instead of the items themselves.
This module does not keep them: it is given stored items as JSON, and gives items to store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from providers.dialects.envelopes import read_object, write_object
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.sse import SseReader
from providers.dialects.types import Failure, FailureKind, Refused

Items = list[msgspec.Raw]

BACKGROUND = "resp_bg_"
"""The beginning of ids of responses that have run in the background: no upstream knows them."""
_MARK = BACKGROUND.encode()


@dataclass(frozen=True, slots=True)
class References:
    """The stored responses and items that a call refers to.

    Both empty: it says everything itself.
    """

    previous_response_id: str | None = None
    item_ids: tuple[str, ...] = ()


class _Item(msgspec.Struct):
    type: str | None = None
    id: str | None = None
    role: str | None = None
    call_id: str | None = None

    @property
    def is_reference(self) -> bool:
        return self.id is not None and (
            self.type == "item_reference" or (self.type is None and self.role is None)
        )


class _Body(msgspec.Struct):
    previous_response_id: str | None = None
    input: msgspec.Raw = msgspec.Raw()


class _Wish(msgspec.Struct):
    store: bool | None = None


class _Response(msgspec.Struct):
    id: str | None = None
    output: Items = []


class _State(msgspec.Struct):
    status: str | None = None
    background: bool | None = None


class _Record(msgspec.Struct):
    input: Items
    response: msgspec.Raw


_record_decoder = msgspec.json.Decoder(_Record)
_body_decoder = msgspec.json.Decoder(_Body)
_wish_decoder = msgspec.json.Decoder(_Wish)
_item_decoder = msgspec.json.Decoder(_Item)
_items_decoder = msgspec.json.Decoder(list[_Item])
_raw_items_decoder = msgspec.json.Decoder(Items)
_response_decoder = msgspec.json.Decoder(_Response)
_state_decoder = msgspec.json.Decoder(_State)


def references(body: bytes) -> References:
    """Return what the call refers to.

    A body that can't be read refers to nothing: its reader says what is wrong.
    """
    try:
        seen = tolerant(_body_decoder.decode, body)
        items = _items_decoder.decode(seen.input) if bytes(seen.input).lstrip()[:1] == b"[" else []
    except UNREADABLE:
        return References()
    ids = tuple(item.id for item in items if item.is_reference and item.id is not None)
    return References(seen.previous_response_id, ids)


def continues_background(body: bytes) -> bool:
    """Tell whether a call goes on from a response that has run in the background."""
    if body.rfind(_MARK) < 0:  # several times as fast as `in`, from the end
        return False
    return (references(body).previous_response_id or "").startswith(BACKGROUND)


def is_to_be_stored(body: bytes) -> bool:
    """Tell whether `store` is not false; the input, which may be large, is stepped over."""
    try:
        return tolerant(_wish_decoder.decode, body).store is not False
    except UNREADABLE:
        return True


def expanded(
    body: bytes, previous: bytes | None, items: Mapping[str, bytes], base: str | None = None
) -> bytes:
    """Return the body as if the client had repeated everything.

    `previous`: the conversation stored with the response before (a JSON array); `items`: stored items by id; `base`:
    the stored response that `previous` itself goes on from. Raises `Refused` for an id that is not among them, and
    for the result of a call that the conversation does not have. Instructions are not carried over.
    """
    fields: dict[str, msgspec.Raw | bytes] = {**read_object(body)}
    fields.pop("previous_response_id", None)
    before: Items = _raw_items_decoder.decode(previous) if previous is not None else []
    given = fields.pop("input", None)
    own = [
        _resolved(item, items) for item in _input_items(None if given is None else msgspec.Raw(bytes(given)))
    ]
    whole = [bytes(item) for item in before] + own
    if base is not None:
        fields["previous_response_id"] = msgspec.json.encode(base)
    elif previous is not None:
        _check_results(whole, len(before))
    return write_object({**fields, "input": _array(whole)})


def _check_results(whole: list[bytes], new_from: int) -> None:
    """Refuse the result of a call that was never made, as the vendor does: what it means can't be told."""
    seen = [_item_decoder.decode(item) for item in whole]
    made = {item.call_id for item in seen if item.call_id and not (item.type or "").endswith("_output")}
    for item in seen[new_from:]:
        if item.call_id and (item.type or "").endswith("_output") and item.call_id not in made:
            words = f"No tool call found for function call output with call_id {item.call_id}."
            raise Refused(Failure(FailureKind.INVALID_REQUEST, words, param="input"))


def conversation(body: bytes, response: bytes) -> bytes:
    """Return what to store with a response: its input (already expanded) and its output.

    Both stand in one JSON array.
    """
    given = _input_items(read_object(body).get("input"))
    return _array([bytes(item) for item in (*given, *_response_decoder.decode(response).output)])


def with_response(stored: bytes, response: bytes) -> bytes:
    """Return what is stored of a response with another state of it."""
    return write_object({"input": _array(input_of(stored)), "response": response})


def record(body: bytes, response: bytes) -> bytes:
    """Return what to store of a response: the input that it answers (already expanded), and itself."""
    given = _input_items(read_object(body).get("input"))
    return write_object({"input": _array(given), "response": response})


def conversation_of(stored: bytes) -> bytes:
    """Return the conversation that a stored response ends, as one JSON array."""
    fields = _record_decoder.decode(stored)
    return _array(
        [bytes(item) for item in (*fields.input, *_response_decoder.decode(fields.response).output)]
    )


def response_of(stored: bytes) -> bytes:
    """Return a stored response as it was given."""
    return bytes(_record_decoder.decode(stored).response)


def is_running(stored: bytes) -> bool:
    """Tell whether a stored response runs in the background and has not ended."""
    return _state_decoder.decode(_record_decoder.decode(stored).response).status in ("queued", "in_progress")


def is_background(stored: bytes) -> bool:
    """Tell whether a stored response was made in the background."""
    return _state_decoder.decode(_record_decoder.decode(stored).response).background is True


def input_of(stored: bytes) -> list[bytes]:
    """Return the items of the input that a stored response answers."""
    return [bytes(item) for item in _record_decoder.decode(stored).input]


def output_items(response: bytes) -> dict[str, bytes]:
    """Return the items of a response by id: `item_reference` may name them later."""
    found: dict[str, bytes] = {}
    for raw in _response_decoder.decode(response).output:
        item_id = _item_decoder.decode(raw).id
        if item_id is not None:
            found[item_id] = bytes(raw)
    return found


def response_id(response: bytes) -> str | None:
    return _response_decoder.decode(response).id


class FinalResponse:
    """The response object that ends a Responses stream, found as the stream passes to the client."""

    def __init__(self) -> None:
        self._reader = SseReader()
        self.response: bytes | None = None  # JSON; stays None while nothing ended well

    def see(self, chunk: bytes) -> None:
        for name, data in self._reader.feed(chunk):
            self.take(name, data)

    def take(self, name: bytes, data: bytes) -> None:
        """Take note of one event."""
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
