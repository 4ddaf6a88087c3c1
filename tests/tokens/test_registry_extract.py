"""Secret of a call: from its two headers, or none."""

from __future__ import annotations

import pytest

from tokens.errors import MissingToken
from tokens.registry import extract

BEARER, OTHER = f"la_sk_{'a' * 5}.b.c", "la_sk_d.e.f"


@pytest.mark.parametrize(("headers", "secret"), [
    ([("authorization", f"Bearer {BEARER}")], BEARER),
    ([("x-api-key", BEARER)], BEARER),
    ([("authorization", f"Bearer {BEARER} \t")], BEARER),
    ([("authorization", f"Bearer  {BEARER}")], f" {BEARER}"),
    ([("authorization", "Basic dTpw"), ("x-api-key", BEARER)], BEARER),
    ([("authorization", "Bearer "), ("x-api-key", BEARER)], BEARER),
    ([("authorization", "Bearer nope"), ("authorization", f"Bearer {BEARER}")], "nope"),
    ([("x-api-key", f"Bearer {BEARER}")], f"Bearer {BEARER}"),
    # both headers: the reference always takes the Bearer; we take the one that looks like ours
    ([("authorization", "Bearer nope"), ("x-api-key", BEARER)], BEARER),
    ([("authorization", f"Bearer {BEARER}"), ("x-api-key", "sk-ant-x")], BEARER),
    ([("authorization", f"Bearer {BEARER}"), ("x-api-key", OTHER)], BEARER),
    ([("authorization", "Bearer a"), ("x-api-key", "b")], "a"),
    # our own header: the others are the caller's own then
    ([("authorization", f"Bearer {OTHER}"), ("x-api-key", OTHER), ("x-la-token", BEARER)], BEARER),
    ([("x-la-token", f"Bearer {BEARER} ")], BEARER),
])  # fmt: skip
def test_extract(headers: list[tuple[str, str]], secret: str) -> None:
    assert extract(tuple((name.encode(), value.encode()) for name, value in headers)) == secret


@pytest.mark.parametrize("headers", [
    (), ((b"authorization", b"bearer la_sk_x"),), ((b"authorization", b"Bearer"),), ((b"x-api-key", b" "),),
])  # fmt: skip
def test_nothing_presented(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    with pytest.raises(MissingToken, match=r"^Missing Authorization Bearer token or x-api-key$"):
        extract(headers)
