"""Write and read what only some calls have to tell, in one column: tries, upstream's words, price multiples."""

from __future__ import annotations

import msgspec

from gateway.exchange.exchange import Exchange, Refusal, Try


class Details(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is told of one call beyond the columns that all have."""

    refusal: Refusal | None = None
    tries: tuple[Try, ...] = ()
    modes: tuple[str, ...] = ()
    web_searches: int = 0
    rehearsal: str = ""


NOTHING = Details()
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Details)


def written(exchange: Exchange) -> str:
    """Return the column's text; "" for nearly all calls."""
    usage = exchange.usage
    if not (exchange.tries or usage.modes or usage.web_searches or exchange.rehearsal):
        return ""
    words, rehearsal = exchange.upstream_refusal, exchange.rehearsal
    told = Details(words, exchange.tries, usage.modes, usage.web_searches, rehearsal)
    return _encoder.encode(told).decode()


def read(text: str) -> Details:
    """Read the column's text; one that is none tells nothing."""
    if not text:
        return NOTHING
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError:
        return NOTHING
