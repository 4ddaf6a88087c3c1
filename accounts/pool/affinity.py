"""Session affinity: keep a conversation on its account, so that the upstream's prompt cache is used.

Pure: `now` (Unix seconds) comes in. Keys are short hashes over the token's id and more: a collision would
only make two conversations share an account.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.types import CallFields, Headers, header

SESSION_HEADER = b"x-claude-code-session-id"
MAX_SESSIONS = 100_000


@dataclass(frozen=True, slots=True)
class SessionMove:
    """A session's account now.

    `before`: the one that this process knew until now; the same when only used again.
    """

    key: int
    account: int
    before: int | None


def untold(move: SessionMove) -> None:
    """Tell nobody: this process is alone."""


class Affinity:
    """Bounded, least-recently-used map of session → account id, forgotten after `idle_seconds` unused.

    `tell` hears of every new binding and move, and of a session in use at most four times per idle time.
    """

    __slots__ = ("_entries", "_idle_seconds", "_max_entries", "tell")

    def __init__(self, idle_seconds: float, max_entries: int = MAX_SESSIONS) -> None:
        self._idle_seconds = idle_seconds
        self._max_entries = max_entries
        self._entries: OrderedDict[int, tuple[int, float, float]] = OrderedDict()  # account, used, told
        self.tell: Callable[[SessionMove], None] = untold

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def is_on(self) -> bool:
        return self._idle_seconds > 0

    def knows(self, key: int, now: float) -> bool:
        entry = self._entries.get(key)
        return entry is not None and now - entry[1] <= self._idle_seconds

    def find(self, key: int, now: float) -> int | None:
        """Return the account id, counted as a use. Idle time that a clock set back makes negative is none."""
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
            self.tell(SessionMove(key, account, account))
        return account

    def bind(self, key: int, account: int, now: float) -> None:
        before = self._entries.get(key)
        self.adopt(key, account, now)
        self.tell(SessionMove(key, account, None if before is None else before[0]))

    def adopt(self, key: int, account: int, now: float) -> None:
        """Bind a session as others say, without telling anybody."""
        self._entries[key] = (account, now, now)
        self._entries.move_to_end(key)
        if len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def forget(self, key: int) -> None:
        self._entries.pop(key, None)


def affinity_key(*names: str) -> int:
    """Hash provider, token, session and (where given) model to 64 bits, the same in every process."""
    words = b"".join(b"%d:%b" % (len(name), name.encode("utf-8", "surrogatepass")) for name in names)
    return int.from_bytes(hashlib.blake2b(words, digest_size=8).digest(), "big")


class _Opening(msgspec.Struct):
    """The beginning of a conversation, in any of the dialects; the rest of the body is skipped."""

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
    """Return what names the conversation; None when nothing does.

    Called only where there is a choice of accounts. Subagents send their parent's session id: they follow it.
    """
    named = header(headers, SESSION_HEADER)
    if named:
        return named.decode("latin-1")
    return fields.user_id or fields.prompt_cache_key or opening_hash(body)


def opening_hash(body: bytes) -> str | None:
    """Hash the system text and the first user turn, without the cache marks that move about."""
    try:
        opening = tolerant(_opening.decode, body)
        parts = [_plain(opening.system), _plain(opening.instructions), *_first_turn(opening)]
    except UNREADABLE:
        return None
    if not any(parts):
        return None
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part + b"\0")
    return digest.hexdigest()


def _first_turn(opening: _Opening) -> list[bytes]:
    """Return the leading system messages and the first user one; a bare string is a user's turn."""
    raw = opening.messages if bytes(opening.messages) not in (b"", b"null") else opening.input
    if not bytes(raw).lstrip().startswith(b"["):
        return [_turn("user", _any.decode(raw))] if bytes(raw) not in (b"", b"null") else []
    parts = []
    for item in _items.decode(raw):
        message = _any.decode(item)
        role = message.get("role") if isinstance(message, dict) else None
        if role in SYSTEM_ROLES or role == "user":
            parts.append(_turn(role, message.get("content")))
        if role == "user":
            break
    return parts


def _turn(role: str, content: Any) -> bytes:
    """Return a turn in one form, however the client writes it: clients repeat in parts what they sent as a string."""
    return _encoder.encode([role, _without_marks(content)])


def _plain(raw: msgspec.Raw) -> bytes:
    if bytes(raw) in (b"", b"null"):
        return b""
    return _encoder.encode(_without_marks(_any.decode(raw)))


TEXTS = frozenset(("text", "input_text"))


def _without_marks(value: Any) -> Any:
    """Return content without cache marks; text that stands alone is a string."""
    if isinstance(value, dict):
        return {key: _without_marks(item) for key, item in value.items() if key != "cache_control"}
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], dict) and value[0].get("type") in TEXTS:
            return _without_marks(value[0].get("text"))
        return [_without_marks(item) for item in value]
    return value
