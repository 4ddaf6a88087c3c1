"""Which account a conversation sits on, so that the upstream's prompt cache stays warm.

Pure: `now` (Unix seconds) comes in. Keys are short hashes that contain the token's id: a collision would
only make two conversations share an account.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from providers.dialects.types import CallFields, Headers, header

SESSION_HEADER = b"x-claude-code-session-id"
MAX_SESSIONS = 100_000


@dataclass(frozen=True, slots=True)
class SeatChange:
    """Who sits where now. `before`: the account as this process knew it until now; the same when only used again."""

    key: int
    account: int
    before: int | None


def untold(seating: SeatChange) -> None:
    """Nobody else needs to know."""


class Affinity:
    """A bounded, least-recently-used map: session → account id, forgotten after `idle_seconds` unused.

    `tell` hears of every new seat and move, and of a seat that is in use four times per idle time.
    """

    __slots__ = ("_entries", "_idle_seconds", "_max_entries", "tell")

    def __init__(self, idle_seconds: float, max_entries: int = MAX_SESSIONS) -> None:
        self._idle_seconds = idle_seconds
        self._max_entries = max_entries
        self._entries: OrderedDict[int, tuple[int, float, float]] = OrderedDict()  # account, used, told
        self.tell: Callable[[SeatChange], None] = untold

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def is_on(self) -> bool:
        return self._idle_seconds > 0

    def knows(self, key: int, now: float) -> bool:
        entry = self._entries.get(key)
        return entry is not None and now - entry[1] <= self._idle_seconds

    def find(self, key: int, now: float) -> int | None:
        """The account id, counted as a use. Idle time that a clock set back makes negative is none."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        account, used_at, told_at = entry
        if now - used_at > self._idle_seconds:
            del self._entries[key]
            return None
        is_due = now - told_at > self._idle_seconds / 4
        self._entries[key] = (account, now, now if is_due else told_at)
        self._entries.move_to_end(key)
        if is_due:
            self.tell(SeatChange(key, account, account))
        return account

    def bind(self, key: int, account: int, now: float) -> None:
        before = self._entries.get(key)
        self.adopt(key, account, now)
        self.tell(SeatChange(key, account, None if before is None else before[0]))

    def adopt(self, key: int, account: int, now: float) -> None:
        """What others say; told to nobody."""
        self._entries[key] = (account, now, now)
        self._entries.move_to_end(key)
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def forget(self, key: int) -> None:
        self._entries.pop(key, None)


def seat_key(*names: str) -> int:
    """64 bits that are the same in every process: of provider, token, session and, for one model only, the model."""
    words = b"".join(b"%d:%b" % (len(name), name.encode("utf-8", "surrogatepass")) for name in names)
    return int.from_bytes(hashlib.blake2b(words, digest_size=8).digest(), "big")


class _Opening(msgspec.Struct):
    """How a conversation begins, in any of the dialects; the rest of the body is skipped."""

    system: msgspec.Raw = msgspec.Raw(b"")
    instructions: msgspec.Raw = msgspec.Raw(b"")
    messages: msgspec.Raw = msgspec.Raw(b"")
    input: msgspec.Raw = msgspec.Raw(b"")


_opening = msgspec.json.Decoder(_Opening)
_items = msgspec.json.Decoder(list[msgspec.Raw])
_any = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder(order="deterministic")
SYSTEM_ROLES = frozenset(("system", "developer"))


def session_key(headers: Headers, fields: CallFields, body: bytes) -> str | None:
    """What names the conversation: call it only where there is a choice of accounts.

    Subagents send their parent's session id, so they follow it. None: nothing to go by.
    """
    named = header(headers, SESSION_HEADER)
    if named:
        return named.decode("latin-1")
    return fields.user_id or fields.prompt_cache_key or opening_hash(body)


def opening_hash(body: bytes) -> str | None:
    """A hash of the system text and the first user turn, without the cache marks that move about."""
    try:
        opening = _opening.decode(body)
        parts = [_plain(opening.system), _plain(opening.instructions), *_first_turn(opening)]
    except (msgspec.MsgspecError, RecursionError):
        return None
    if not any(parts):
        return None
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part + b"\0")
    return digest.hexdigest()


def _first_turn(opening: _Opening) -> list[bytes]:
    """Leading system messages and the first user one; a Responses input may be a bare string."""
    raw = opening.messages if bytes(opening.messages) not in (b"", b"null") else opening.input
    if not bytes(raw).lstrip().startswith(b"["):
        return [_plain(raw)]
    parts = []
    for item in _items.decode(raw):
        message = _any.decode(item)
        role = message.get("role") if isinstance(message, dict) else None
        if role in SYSTEM_ROLES or role == "user":
            parts.append(_encoder.encode(_without_marks(message)))
        if role == "user":
            break
    return parts


def _plain(raw: msgspec.Raw) -> bytes:
    if bytes(raw) in (b"", b"null"):
        return b""
    return _encoder.encode(_without_marks(_any.decode(raw)))


def _without_marks(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_marks(item) for key, item in value.items() if key != "cache_control"}
    if isinstance(value, list):
        return [_without_marks(item) for item in value]
    return value
