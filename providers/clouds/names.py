"""Remember what was found out about names that strangers choose. Pure."""

from __future__ import annotations

from collections.abc import Callable

MOST = 1024


class Names(dict[bytes, bool]):
    """What `ask` says of a name, asked once: `names[name]`. Full, it begins anew."""

    def __init__(self, ask: Callable[[bytes], bool]) -> None:
        super().__init__()
        self._ask = ask

    def __missing__(self, name: bytes) -> bool:
        if len(self) >= MOST:
            self.clear()
        found = self[name] = self._ask(name)
        return found
