from __future__ import annotations

import pytest

from providers.dialects.table import DIALECTS
from providers.translation.pairs import table
from tests.fakes.sealer import CountedIds, PlainSealer


@pytest.mark.parametrize("pair", sorted(table.PAIRS))
def test_every_pair_of_the_table_is_a_translator(pair: tuple[str, str]) -> None:
    made = table.PAIRS[pair](CountedIds(), 0, PlainSealer())
    assert made is not table.PAIRS[pair](CountedIds(), 0, PlainSealer())
    assert made.failure is None
    assert made.model is None
    assert made.is_transparent is (pair[0] == pair[1])


def test_every_dialect_has_a_pair_and_no_other_pair_is_known() -> None:
    assert {surface for surface, _ in table.PAIRS} == {dialect.pair for dialect in DIALECTS.values()}
    assert ("anthropic", "klingon") not in table.PAIRS
