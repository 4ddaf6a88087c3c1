from __future__ import annotations

import threading
from collections.abc import Generator

from gateway.kernel.streaming import streamed


async def test_pieces_come_one_by_one_from_one_thread_which_also_ends_them() -> None:
    threads: list[int] = []

    def pieces() -> Generator[bytes, None, None]:
        try:
            for piece in (b"a", b"b", b"c"):
                threads.append(threading.get_ident())
                yield piece
        finally:
            threads.append(threading.get_ident())

    assert [piece async for piece in streamed(pieces())] == [b"a", b"b", b"c"]
    assert len(threads) == 4 and len(set(threads)) == 1
    left = streamed(pieces())
    assert await anext(left) == b"a"
    await left.aclose()
    assert len(threads) == 6 and threading.get_ident() not in threads
