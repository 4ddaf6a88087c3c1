"""Headers in one variable, as OpenTelemetry writes them."""

import pytest

from gateway.kernel.header_pairs import parse


@pytest.mark.parametrize(
    ("raw", "pairs"),
    [
        ("", ()),
        ("Authorization=Bearer%20x", (("Authorization", "Bearer x"),)),
        ("a=1, b = 2=3 ,", (("a", "1"), ("b", "2=3"))),
        ("x-team=", (("x-team", ""),)),
    ],
)
def test_pairs(raw: str, pairs: tuple[tuple[str, str], ...]) -> None:
    assert parse(raw) == pairs


@pytest.mark.parametrize("raw", ["a", "=1", "a b=1", "a:=1", "a=%0d%0ax", "a=%C3%A9"])
def test_what_can_t_be_a_header(raw: str) -> None:
    with pytest.raises(ValueError):
        parse(raw)
