"""Which row of docs/deviations.md names which difference. A rule that names nothing, or no row, fails too."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tests.compat.compare import Difference

DEVIATIONS = Path(__file__).resolve().parents[2] / "docs" / "deviations.md"
RULES = Path(__file__).parent / "tables" / "named.txt"


@dataclass
class Rule:
    """`row` begins a first cell; `cases` and `aspects` are patterns of titles and aspects, as in a shell."""

    row: str
    cases: tuple[str, ...]
    aspects: tuple[str, ...]
    uses: int = 0

    def names(self, difference: Difference) -> bool:
        """Tell whether the row speaks of this difference."""
        aspect = re.sub(r"\[\d+\]", "[]", difference.aspect).replace("[", "(").replace("]", ")")
        return any(fnmatchcase(difference.title, one) for one in self.cases) and any(
            fnmatchcase(aspect, one) for one in self.aspects
        )


def rows() -> list[str]:
    """Return the first cells of the tables."""
    lines = DEVIATIONS.read_text().splitlines()
    return [
        line.split("|")[1].strip()
        for line in lines
        if line.startswith("| ") and not line.startswith("| what |")
    ]


def rules() -> list[Rule]:
    """Read the rules: a line with the row's beginning, then indented `cases => aspects`, parts between ` ; `.

    A `[` of an aspect is written `(`: to a shell it begins a set.
    """
    found: list[Rule] = []
    row = ""
    for line in RULES.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            row = line.strip()
            continue
        cases, _, aspects = line.strip().partition(" => ")
        found.append(Rule(row, tuple(cases.split(" ; ")), tuple(aspects.split(" ; "))))
    return found


def unnamed(found: Iterable[Difference], known: list[Rule]) -> list[Difference]:
    """Return the differences that no rule names; counts in each rule how often it did."""
    left = []
    for difference in found:
        rule = next((one for one in known if one.names(difference)), None)
        if rule is None:
            left.append(difference)
        else:
            rule.uses += 1
    return left


def mistakes(known: list[Rule]) -> list[str]:
    """Return what is wrong with the rules: rows that are not there."""
    cells = rows()
    return [
        f"no row of docs/deviations.md begins with: {row}"
        for row in dict.fromkeys(rule.row for rule in known)
        if not any(cell.startswith(row) for cell in cells)
    ]
