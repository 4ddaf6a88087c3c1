"""A line of `doctor`'s report, in the form that all apps give theirs."""

from __future__ import annotations

from dataclasses import dataclass

LABEL_WIDTH = 23  # the reference's column


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: its name, what was seen, and whether that is wrong."""

    label: str
    text: str
    is_problem: bool = False

    def __str__(self) -> str:
        return f"{self.label:<{LABEL_WIDTH}}: {self.text}"
