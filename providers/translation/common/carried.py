"""What a Chat upstream wants back with the next call: its reasoning, and what it put on its tool calls.

Pure. It travels through the client sealed, and comes back with the turn that it belongs to: DeepSeek's and Kimi's
`reasoning_content`, OpenRouter's `reasoning_details`, Gemini's `extra_content` with the thought's signature.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec
import orjson

from providers.dialects.mending import UNREADABLE

FIELDS = ("reasoning_content", "reasoning")
UNKNOWN = " "
"""Stands for reasoning that is lost: those that insist on the field take a blank, and no empty text."""
_WHOLE = b"\nwhole\n"
_MORE = b"\nmore\n"
_INSISTS = re.compile(r"deepseek|kimi|moonshot|mimo", re.IGNORECASE)

Json = dict[str, Any]


class Carried(msgspec.Struct):
    """What belongs to one assistant turn."""

    name: str = ""  # the upstream's own for the text: one of `FIELDS`
    text: str = ""
    details: list[Any] = []  # `reasoning_details`
    extras: dict[str, Json] = {}  # members of calls, by the call's id

    def add(self, other: Carried) -> None:
        """Add what stands behind in the same turn."""
        self.name = self.name or other.name
        self.text += other.text
        self.details += other.details
        self.extras |= other.extras

    @property
    def is_reasoning(self) -> bool:
        return bool(self.name or self.details)

    def reasoning(self) -> Json:
        """Return the members of the assistant message."""
        out: Json = {self.name: self.text} if self.name else {}
        return {**out, "reasoning_details": self.details} if self.details else out


def sealed(carried: Carried, *, is_whole: bool) -> bytes:
    """Return what is sealed. `is_whole`: the caller does not get the text, so it travels in the seal."""
    if carried.details or carried.extras:
        text = carried.text if is_whole else None
        digest = None if is_whole else _digest(carried.text).hex()
        told = [carried.name, text, digest, carried.details, carried.extras]
        return _MORE + orjson.dumps(told)
    return (reasoning_whole if is_whole else reasoning_proof)(carried.name, carried.text)


def reasoning_proof(field_name: str, text: str) -> bytes:
    """Return what is sealed of a Chat upstream's reasoning: its field's name and a digest of the text."""
    return field_name.encode() + b"\n" + _digest(text)


def reasoning_whole(field_name: str, text: str) -> bytes:
    """Return what is sealed for a caller that does not get the text: it travels in the seal."""
    return field_name.encode() + _WHOLE + text.encode("utf-8", "surrogatepass")


def opened(plain: bytes | None, text: str) -> Carried | None:
    """Return what was sealed. None when there is nothing, or the visible `text` is not that one's."""
    if plain is None:
        return None
    if plain.startswith(_MORE):
        return _opened_more(plain[len(_MORE) :], text)
    for field_name in FIELDS:
        if plain == reasoning_proof(field_name, text):
            return Carried(field_name, text)
        if plain.startswith(field_name.encode() + _WHOLE):
            whole = plain[len(field_name) + len(_WHOLE) :].decode("utf-8", "surrogatepass")
            return Carried(field_name, whole)
    return None


def _opened_more(plain: bytes, text: str) -> Carried | None:
    try:
        field_name, whole, digest, details, extras = orjson.loads(plain)
    except UNREADABLE:
        return None
    if whole is None and digest != _digest(text).hex():
        return None
    return Carried(field_name, text if whole is None else whole, details, extras)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def insist_on_reasoning(messages: list[Json], model: str) -> None:
    """Give every assistant turn that called tools a `reasoning_content`, where the upstream refuses to go on without.

    Known by the model's name, or by other turns that have it.
    """
    callers = [one for one in messages if one.get("role") == "assistant" and one.get("tool_calls")]
    if not callers or not (_INSISTS.search(model) or any(FIELDS[0] in one for one in callers)):
        return
    for message in callers:
        if FIELDS[1] not in message:
            message.setdefault(FIELDS[0], UNKNOWN)


# --- pieces of a stream ---------------------------------------------------------------------------------

_JOINED = ("text", "summary", "data")


def add_details(known: list[Any], found: object) -> None:
    """Add `reasoning_details` of one chunk: pieces of one entry come with its index, one after the other."""
    for piece in found if isinstance(found, list) else ():
        last = known[-1] if known else None
        if not (isinstance(piece, dict) and isinstance(last, dict) and _is_same(last, piece)):
            known.append(piece)
            continue
        joined = {
            name: f"{last[name]}{piece[name]}" for name in _JOINED if last.get(name) and piece.get(name)
        }
        known[-1] = {**last, **{name: value for name, value in piece.items() if value is not None}, **joined}


def _is_same(last: Json, piece: Json) -> bool:
    index = piece.get("index")
    return index is not None and last.get("index") == index and last.get("type") == piece.get("type")


def details_text(found: object) -> str:
    """Return what can be read of the details of one chunk."""
    pieces = [piece for piece in found if isinstance(piece, dict)] if isinstance(found, list) else []
    texts = [piece.get("text") or piece.get("summary") for piece in pieces]
    return "".join(text for text in texts if isinstance(text, str))
