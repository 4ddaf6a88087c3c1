"""Stream what is made piece by piece from rows: an answer of any length in the memory of one piece."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator

from asgiref.sync import sync_to_async


async def streamed(pieces: Generator[bytes, None, None]) -> AsyncIterator[bytes]:
    """Yield the pieces of a blocking generator, each made in the request's own thread, which has its connection."""

    def step() -> bytes | None:
        return next(pieces, None)

    advance = sync_to_async(step)
    try:
        while (piece := await advance()) is not None:
            yield piece
    finally:
        await sync_to_async(pieces.close)()  # the client may have left in the middle
