"""Which row of docs/deviations.md names which difference. A rule that names nothing, or no row, fails too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tests.compat.compare import Difference

DEVIATIONS = Path(__file__).resolve().parents[2] / "docs" / "deviations.md"
RULES = Path(__file__).parent / "tables" / "named.txt"


@dataclass
class Rule:
    """`row` begins a first cell; `cases` and `aspects` are patterns of titles and aspects, as in a shell.

    One that is not `always` names what hangs on the clock, or on how bytes meet a connection that is closed.
    """

    row: str
    cases: tuple[str, ...]
    aspects: tuple[str, ...]
    always: bool = True
    uses: int = 0

    def names(self, difference: Difference) -> bool:
        """Tell whether the row speaks of this difference."""
        aspect = re.sub(r"\[[^\]]*\]", "[]", difference.aspect).replace("[", "(").replace("]", ")")
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

    A `[` of an aspect is written `(`: to a shell it begins a set. `? ` before the cases: not in every run. Lines that
    are indented twice continue the one before.
    """
    found: list[Rule] = []
    row = ""
    for line in RULES.read_text().replace("\n        ", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            row = line.strip()
            continue
        cases, _, aspects = line.strip().removeprefix("? ").partition(" => ")
        always = not line.strip().startswith("? ")
        found.append(Rule(row, tuple(cases.split(" ; ")), tuple(aspects.split(" ; ")), always))
    return found


def naming(difference: Difference, known: list[Rule]) -> Rule | None:
    """Return the first rule that names a difference, and count it there."""
    rule = next((one for one in known if one.names(difference)), None)
    if rule is not None:
        rule.uses += 1
    return rule


def idle(known: list[Rule]) -> list[str]:
    """Return what is wrong with the rules once every case has run: those that name nothing."""
    return [
        f"names nothing any more: {rule.row} ({' ; '.join(rule.cases)} => {' ; '.join(rule.aspects)})"
        for rule in known
        if rule.always and not rule.uses
    ]


def mistakes(known: list[Rule]) -> list[str]:
    """Return what is wrong with the rules: rows that are not there."""
    cells = rows()
    return [
        f"no row of docs/deviations.md begins with: {row}"
        for row in dict.fromkeys(rule.row for rule in known)
        if not any(cell.startswith(row) for cell in cells)
    ]
