"""What runs beside other such work: a process with its cases, a sequence of commands, a store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.compat.compare import Difference


@dataclass(frozen=True)
class Job:
    """So many cases, which need one another; what compares them in a folder of their own, any number of times."""

    cases: int
    compare: Callable[[Path], list[Difference]]
    name: str = ""
