"""What runs beside other such work: a process with its cases, a sequence of commands, a store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.compat.compare import Difference


@dataclass(frozen=True)
class Done:
    """So many cases were compared, and this differed."""

    cases: int
    differing: list[Difference] = field(default_factory=list)


Job = Callable[[], Done]
