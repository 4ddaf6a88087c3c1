"""The conformance list is whole: every row of it has a test, by its number."""

from __future__ import annotations

import re
from pathlib import Path

ROWS = 26


def test_every_row_has_its_test() -> None:
    text = "".join(path.read_text() for path in sorted(Path(__file__).parent.glob("test_*.py")))
    numbers = {int(number) for number in re.findall(r"(?m)^def test_(\d\d)_", text)}
    assert numbers == set(range(1, ROWS + 1))
