"""Makes an exchange's texts fit to be stored: no secret, nothing that a database refuses, no length without end."""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter

from gateway.exchange import Exchange
from gateway.logs import redact
from gateway.models import TEXT_LENGTH

_LENGTHS = {
    "surface": 64,
    "method": 16,
    "path": TEXT_LENGTH,
    "peer": 64,
    "token_id": TEXT_LENGTH,
    "token_label": TEXT_LENGTH,
    "ledger_id": TEXT_LENGTH,
    "group_ledger": TEXT_LENGTH,
    "parent_ledger": TEXT_LENGTH,
    "provider": TEXT_LENGTH,
    "account": TEXT_LENGTH,
    "model_asked": TEXT_LENGTH,
    "model_served": TEXT_LENGTH,
    "failure_message": TEXT_LENGTH,
    "currency": 8,
}
_LOOKED_AT = 4096
"""A longer text is cut before secrets are looked for: a caller decides how long it is, and we pay for the search."""

_REMEMBERED = 1024
"""Longer texts are looked at anew each time: nobody fills our memory with them."""

_texts = attrgetter(*_LENGTHS)


def tidy(exchange: Exchange) -> Exchange:
    """The same exchange, its texts redacted, cut, and free of NUL and lone surrogates."""
    texts: tuple[str, ...] = _texts(exchange)
    is_short = len("".join(texts)) <= _REMEMBERED
    for name, stored in _known_changes(texts) if is_short else _changes(texts):
        setattr(exchange, name, stored)
    return exchange


def _changes(texts: tuple[str, ...]) -> list[tuple[str, str]]:
    """The fields that can't be stored as they are, with what takes their place."""
    changes = []
    for (name, length), text in zip(_LENGTHS.items(), texts, strict=True):
        stored = _known_text(text, length) if len(text) <= TEXT_LENGTH else _text(text, length)
        if stored != text:
            changes.append((name, stored))
    return changes


def _text(text: str, length: int) -> str:
    clean = text[:_LOOKED_AT].replace("\0", "").encode("utf-8", "replace").decode()
    return redact(clean)[:length]


# The same token calls for the same model again and again; and where one text is new, the others are not.
_known_changes = lru_cache(maxsize=4096)(_changes)
_known_text = lru_cache(maxsize=4096)(_text)
