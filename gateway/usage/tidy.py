"""Makes an exchange's texts fit to be stored: no secret, nothing that a database refuses, no length without end."""

from __future__ import annotations

from functools import lru_cache

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


def tidy(exchange: Exchange) -> Exchange:
    """The same exchange, its texts redacted, cut, and free of NUL and lone surrogates."""
    for name, length in _LENGTHS.items():
        text = getattr(exchange, name)
        if text:
            stored = _known_text(text, length) if len(text) <= TEXT_LENGTH else _text(text, length)
            if stored is not text:
                setattr(exchange, name, stored)
    return exchange


def _text(text: str, length: int) -> str:
    clean = text[:_LOOKED_AT].replace("\0", "").encode("utf-8", "replace").decode()
    return redact(clean)[:length]


@lru_cache(maxsize=4096)
def _known_text(text: str, length: int) -> str:
    """Paths, tokens and models come again and again."""
    return _text(text, length)
