"""By what a credential is found, and how it is taken out."""

from __future__ import annotations

import pytest

from providers.dialects.types import Refused
from providers.quoting import NOWHERE, Heeding, quote_of

RUN = "Zk93jfLq02mXn4Bv7TqPw"


@pytest.mark.parametrize(
    ("secret", "needle"),
    [
        (f"sk-ant-api03-{RUN}-x_y", RUN),
        ("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOjEyMzQ1Njc4.c2lnbmF0dXJl0123", "c2lnbmF0dXJl0123"),
        ("correct/horse+battery=staple", "correct/horse+battery=staple"),
        ("ключ-от-двери", "ключ-от-двери"),
    ],
)
def test_it_is_found_by_what_no_encoder_escapes(secret: str, needle: str) -> None:
    assert quote_of(secret).needle == needle.encode()
    assert quote_of(secret) is quote_of(secret)


@pytest.mark.parametrize("secret", ["", "short"])
def test_what_is_too_short_is_not_looked_for(secret: str) -> None:
    assert quote_of(secret) is NOWHERE
    assert not NOWHERE.lasts


def test_an_end_that_may_be_its_beginning_is_held() -> None:
    quote = quote_of(f"sk-{RUN}")
    for held in (b"s", b"sk-", b"sk-Zk93", b"sk\\u002dZk93", RUN[:5].encode()):
        assert quote.begun(b'{"a": "' + held) == len(held)
    assert quote.begun(b"." * 200 + b"sk-") == 3 + 2 * len(quote.secret)
    for free in (b"", b"sk-Zk94", b"skx", quote.secret + b"!"):
        assert quote.begun(free) == 0


def test_without_its_beginning_the_word_is_masked() -> None:
    assert quote_of(f"tail/{RUN}+end").masked(f'"ail/{RUN}+end" go'.encode()) == b'"' + b"*" * 29 + b'" go'


def test_a_compressed_answer_ends_where_it_quotes() -> None:
    heed = Heeding(f"sk-{RUN}")
    heed(b"good " * 100)
    heed(RUN[:9].encode())
    with pytest.raises(Refused):
        heed(RUN[9:].encode())
