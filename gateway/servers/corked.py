"""Send the head of an answer and the first of its body in one packet, where both are there at once.

uvloop writes at once what it is given: two system calls, two packets, and the client is woken twice.
"""

from __future__ import annotations

import asyncio


class Corked:
    """Stands between an exchange and its transport. A head whose body is not there yet leaves in the event
    loop's next turn; all that comes after it passes."""

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: bytes | None = None  # b"": it has left

    def write(self, data: bytes) -> None:
        held = self._held
        if held is None:
            self._held = data
            self._loop.call_soon(self.uncork)
        elif held:
            self._held = b""
            self._transport.writelines((held, data))
        else:
            self._transport.write(data)

    def uncork(self) -> None:
        """Send the head alone."""
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():
            self._transport.write(held)

    def close(self) -> None:
        self.uncork()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()
