"""One who looks at the live feed: her filters, what waits for her, and the frames that she gets."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Sequence

from gateway.usage.requests.filters import Filters

FRAME_ROWS = 50
MOST_WAITING = 4 * FRAME_ROWS
"""As much as may be sent in a second: beyond that the oldest give way, and are counted."""
FRAME_SECONDS = 0.26
"""Between two frames of calls: four in a second at most."""
PING = b'{"type":"ping"}'

Put = Callable[[bytes], bool]
"""Sends a text without waiting; False when the reader has not taken yet what was sent before."""


class Piece:
    """As many calls as go into one frame, which is written once for all who get it."""

    def __init__(self, texts: Sequence[bytes]) -> None:
        self.count = len(texts)
        self._head = b'{"type":"calls","data":[' + b",".join(texts) + b'],"skipped":'
        self._frames: dict[int, bytes] = {}

    def frame(self, skipped: int) -> bytes:
        if skipped not in self._frames:
            self._frames[skipped] = self._head + b"%d}" % skipped
        return self._frames[skipped]


NOTHING = Piece(())


def pieces(texts: Sequence[bytes]) -> list[Piece]:
    """Cut calls, which are JSON already, into pieces."""
    return [Piece(texts[start : start + FRAME_ROWS]) for start in range(0, len(texts), FRAME_ROWS)]


class Viewer:
    """What is hers. `session`: the key of her session; None where no session can end.

    `since`: the last call that she has seen, until she has been told what came behind it.
    """

    def __init__(self, filters: Filters, session: str | None, since: uuid.UUID | None = None) -> None:
        self.filters = filters
        self.session = session
        self.since = since
        self.lost = asyncio.Event()  # she may not look any more
        self.put: Put | None = None  # once her connection is open
        self.is_paused = False
        self._waiting: deque[Piece] = deque()
        self._count = 0  # calls that wait
        self._skipped = 0
        self._next_at = 0.0

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
        while self._count > MOST_WAITING:
            self._skipped += self._next().count

    def pause(self) -> None:
        """Send nothing until `resume`; what comes meanwhile is counted."""
        self.is_paused = True
        self._forget()

    def resume(self) -> None:
        self.is_paused = False

    def flush(self, now: float) -> bool:
        """Send the next frame of calls, if there is something to tell, it is time, and she has taken the last one.

        Returns whether there is more to send.
        """
        if self.is_paused or not (self._waiting or self._skipped):
            return False
        if self.put is None or now < self._next_at:
            return True
        piece = self._waiting[0] if self._waiting else NOTHING
        if not self.put(piece.frame(self._skipped)):
            return True
        self._skipped, self._next_at = 0, now + FRAME_SECONDS
        if self._waiting:
            self._next()
        return bool(self._waiting)

    def ping(self) -> None:
        """Tell that we are there. Who is behind with her reading sees as much by what still comes."""
        if self.put is not None:
            self.put(PING)

    def _next(self) -> Piece:
        piece = self._waiting.popleft()
        self._count -= piece.count
        return piece

    def _forget(self) -> None:
        self._skipped += self._count
        self._waiting.clear()
        self._count = 0
