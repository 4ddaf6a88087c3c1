from __future__ import annotations

from gateway.exchange.exchange import Refusal, Try
from gateway.usage import details
from gateway.usage.details import Details
from providers.dialects.types import Usage
from tests.gateway.usage.making import exchange

TRY = Try("anthropic", "a", 529, "overloaded_error: busy", 0.5)


def test_nearly_all_calls_have_nothing_to_tell() -> None:
    assert details.written(exchange()) == ""
    assert details.read("") == Details()


def test_what_is_told_is_read_back() -> None:
    told = exchange(
        upstream_refusal=Refusal("overloaded_error", "busy"),
        tries=(TRY,),
        usage=Usage(1, modes=("fast",), web_searches=2),
    )
    assert details.read(details.written(told)) == Details(
        Refusal("overloaded_error", "busy"), (TRY,), ("fast",), 2
    )


def test_a_text_that_is_none_tells_nothing() -> None:
    for text in ("x", "[]", '{"tries": 1}'):
        assert details.read(text) == Details()
