"""Make an exchange's texts fit to be stored: no secret, nothing that a database refuses, of bounded length."""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter

from msgspec.structs import replace

from gateway.exchange.exchange import Exchange, Refusal
from gateway.kernel.redaction import HIDDEN, redact
from gateway.models import MESSAGE_LENGTH, TEXT_LENGTH

_LENGTHS = {
    "surface": 64,
    "method": 16,
    "path": TEXT_LENGTH,
    "peer": 64,
    "token_id": TEXT_LENGTH,
    "token_label": TEXT_LENGTH,
    "person": TEXT_LENGTH,
    "group": TEXT_LENGTH,
    "ledger_id": TEXT_LENGTH,
    "group_ledger": TEXT_LENGTH,
    "parent_ledger": TEXT_LENGTH,
    "provider": TEXT_LENGTH,
    "account": TEXT_LENGTH,
    "model_asked": TEXT_LENGTH,
    "model_served": TEXT_LENGTH,
    "failure_message": MESSAGE_LENGTH,
    "currency": 8,
}
_LOOKED_AT = 4096
"""Longer texts are cut before secrets are looked for: callers decide on the length, we pay for the search."""

REDACTED = "[redacted]"

_REMEMBERED = 1024
"""Longer texts are looked at anew each time: no caller fills our memory with them."""

_texts = attrgetter(*_LENGTHS)


def tidy(exchange: Exchange) -> Exchange:
    """Redact and cut the exchange's texts, free them of NUL and lone surrogates; return the same exchange."""
    texts: tuple[str, ...] = _texts(exchange)
    is_short = len("".join(texts)) <= _REMEMBERED
    for name, stored in _known_changes(texts) if is_short else _changes(texts):
        setattr(exchange, name, stored)
    if exchange.tries:
        exchange.tries = tuple([replace(each, reason=_words(each.reason)) for each in exchange.tries])
    if (refusal := exchange.upstream_refusal) is not None:
        exchange.upstream_refusal = Refusal(_words(refusal.type), _words(refusal.message))
    return exchange


def _words(text: str) -> str:
    """Return an upstream's words as they are shown: in one line, and with a word where a secret was."""
    plain = "".join([letter if letter.isprintable() else " " for letter in _text(text, MESSAGE_LENGTH)])
    return plain.replace(HIDDEN, REDACTED)[:MESSAGE_LENGTH]


def _changes(texts: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the fields that can't be stored as they are, with what takes their place."""
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
