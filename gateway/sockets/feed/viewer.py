"""One who looks at the live feed: her filters, what waits for her, and the frames that she gets."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from gateway.sockets.feed.arrivals import Look
from gateway.usage.requests.filters import Filters
from gateway.usage.requests.matching import matches

FRAME_ROWS = 50
MOST_WAITING = 4 * FRAME_ROWS
"""As much as may be sent in a second: what comes on top pushes the oldest out, and is counted."""
PING = '{"type":"ping"}'


class Viewer:
    """What is hers. `session`: the key of her session; None where no session can end."""

    def __init__(self, filters: Filters, session: str | None) -> None:
        self.filters = filters
        self.session = session
        self.lost = asyncio.Event()  # she may not look any more
        self.news = asyncio.Event()
        self._waiting: deque[str] = deque()
        self._skipped = 0
        self._is_paused = False

    def offer(self, look: Look) -> None:
        """Keep what passes her filters until it can be sent. What nobody has read counts as missed."""
        texts = [each.text for each in look.arrivals if matches(self.filters, each.row)]
        self._skipped += look.left_out
        if self._is_paused:
            self._skipped += len(texts)
            return
        self._waiting.extend(texts)
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self._skipped += 1
        if self._waiting or self._skipped:
            self.news.set()

    def pause(self) -> None:
        """Send nothing until `resume`; what comes meanwhile is counted."""
        self._is_paused = True
        self._skipped += len(self._waiting)
        self._waiting.clear()
        self.news.clear()

    def resume(self) -> None:
        self._is_paused = False
        if self._skipped:
            self.news.set()

    def frame(self) -> str | None:
        """Return the next frame of calls, and forget what is in it; None when there is nothing to tell."""
        if self._is_paused or not (self._waiting or self._skipped):
            self.news.clear()
            return None
        count = min(FRAME_ROWS, len(self._waiting))
        told, skipped = [self._waiting.popleft() for _ in range(count)], self._skipped
        self._skipped = 0
        if not self._waiting:
            self.news.clear()
        return calls(told, skipped)


def calls(texts: Sequence[str], skipped: int) -> str:
    """Return a frame of calls that are JSON already."""
    return f'{{"type":"calls","data":[{",".join(texts)}],"skipped":{skipped}}}'
