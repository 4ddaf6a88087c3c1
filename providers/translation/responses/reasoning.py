"""Take reasoning out of a Responses request that only its maker can read.

Pure. Everything else keeps its bytes.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from providers.dialects.mending import UNREADABLE
from providers.translation.messages.thinking import holds_seal

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])


class _Item(msgspec.Struct):
    type: str | None = None
    encrypted_content: str | None = None


_item = msgspec.json.Decoder(_Item)
IsForeign = Callable[[str], bool]


def strip_seals(body: bytes, prefix: str) -> bytes:
    """Return the body without the reasoning that begins with our seal's prefix; the same object when there is none."""
    if not holds_seal(body, prefix):
        return body
    return _without(body, lambda seal: seal.startswith(prefix))


def strip_reasoning(body: bytes) -> bytes:
    """Return the body without any sealed reasoning; the same object when there is none."""
    return _without(body, lambda seal: True) if body.find(b"encrypted_content") >= 0 else body


def _without(body: bytes, is_foreign: IsForeign) -> bytes:
    try:
        document = _object.decode(body)
        items = _list.decode(document["input"])
        left = [raw for raw in items if not _is_sealed(raw, is_foreign)]
    except (*UNREADABLE, KeyError):
        return body
    if len(left) == len(items):
        return body
    document["input"] = msgspec.Raw(msgspec.json.encode(left))
    return msgspec.json.encode(document)


def _is_sealed(raw: msgspec.Raw, is_foreign: IsForeign) -> bool:
    try:
        item = _item.decode(raw)
    except UNREADABLE:
        return False
    return (
        item.type == "reasoning" and bool(item.encrypted_content) and is_foreign(item.encrypted_content or "")
    )
