from __future__ import annotations

import pytest

from providers.translation import pairs
from tests.fakes.sealer import CountedIds, PlainSealer


@pytest.mark.parametrize("pair", sorted(pairs.PAIRS))
def test_every_pair_of_the_table_is_a_translator(pair: tuple[str, str]) -> None:
    made = pairs.translator(*pair, CountedIds(), 0, PlainSealer())
    assert made is not pairs.translator(*pair, CountedIds(), 0, PlainSealer())
    assert made.failure is None
    assert made.model is None
    assert made.is_transparent is (pair[0] == pair[1])


def test_an_unknown_pair() -> None:
    with pytest.raises(KeyError):
        pairs.translator("anthropic", "klingon", CountedIds(), 0, PlainSealer())
