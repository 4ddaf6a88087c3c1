"""One who looks at the live feed: her filters, what waits for her, and the frames that she gets."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.usage.requests.filters import Filters

FRAME_ROWS = 50
MOST_WAITING = 4 * FRAME_ROWS
"""As much as may be sent in a second: beyond that the oldest give way, and are counted."""
PING = '{"type":"ping"}'


@dataclass(frozen=True, slots=True)
class Piece:
    """As many calls as go into one frame, written once for all who get them."""

    count: int
    text: str


def pieces(texts: Sequence[str]) -> list[Piece]:
    """Cut calls, which are JSON already, into pieces."""
    parts = [texts[start : start + FRAME_ROWS] for start in range(0, len(texts), FRAME_ROWS)]
    return [Piece(len(part), ",".join(part)) for part in parts]


class Viewer:
    """What is hers. `session`: the key of her session; None where no session can end."""

    def __init__(self, filters: Filters, session: str | None) -> None:
        self.filters = filters
        self.session = session
        self.lost = asyncio.Event()  # she may not look any more
        self.news = asyncio.Event()
        self._waiting: deque[Piece] = deque()
        self._count = 0  # calls that wait
        self._skipped = 0
        self.is_paused = False

    @property
    def waiting(self) -> int:
        """The number of calls that wait to be sent."""
        return self._count

    def offer(self, found: Sequence[Piece], left_out: int) -> None:
        """Keep calls that pass her filters until they can be sent; those left out count as missed."""
        self._skipped += left_out
        self._waiting.extend(found)
        self._count += sum(piece.count for piece in found)
        if self.is_paused:
            self._forget()
            return
        while self._count > MOST_WAITING:
            self._skipped += self._next().count
        if self._waiting or self._skipped:
            self.news.set()

    def pause(self) -> None:
        """Send nothing until `resume`; what comes meanwhile is counted."""
        self.is_paused = True
        self._forget()
        self.news.clear()

    def resume(self) -> None:
        self.is_paused = False
        if self._skipped:
            self.news.set()

    def frame(self) -> str | None:
        """Return the next frame of calls, and forget what is in it; None when there is nothing to tell."""
        if self.is_paused or not (self._waiting or self._skipped):
            self.news.clear()
            return None
        text = self._next().text if self._waiting else ""
        skipped, self._skipped = self._skipped, 0
        if not self._waiting:
            self.news.clear()
        return f'{{"type":"calls","data":[{text}],"skipped":{skipped}}}'

    def _next(self) -> Piece:
        piece = self._waiting.popleft()
        self._count -= piece.count
        return piece

    def _forget(self) -> None:
        self._skipped += self._count
        self._waiting.clear()
        self._count = 0
