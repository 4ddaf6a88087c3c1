"""What a connection remembers of its own responses, so that one that is not stored can be continued on it.

Nothing of it outlives the connection, and nobody else can name it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from providers.dialects.openai_socket import Create
from providers.translation.responses import stored_items

MOST = 64
"""Conversations that are remembered: the newest of each lane, and a few to go back to."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Items with which a response ends, as a JSON array; `base` is the stored response that they go on from."""

    items: bytes
    base: str | None


class Conversations:
    """Conversations by the id of their last response; the oldest go when there are too many, or too many bytes."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, Conversation] = OrderedDict()

    def body_of(self, create: Create) -> bytes:
        """Return the call's body with what it continues put in, where the connection alone knows that.

        Raises `Refused` for the result of a call that was never made.
        """
        known = self._known(create)
        return (
            create.body if known is None else stored_items.expanded(create.body, known.items, {}, known.base)
        )

    def continues(self, create: Create) -> str | None:
        """Return the id of the response that `body_of` has put in."""
        return None if self._known(create) is None else create.previous_response_id

    def keep(self, create: Create, body: bytes, response: bytes) -> None:
        """Remember a response that nobody else keeps. `body`: as `body_of` has returned it."""
        name = stored_items.response_id(response)
        if name is None or (create.is_stored and create.is_generated):
            return
        known = self._known(create)
        base = create.previous_response_id if known is None else known.base
        self._kept[name] = Conversation(stored_items.conversation(body, response), base)
        while len(self._kept) > MOST or (len(self._kept) > 1 and self._size() > self._max_bytes):
            self._kept.popitem(last=False)

    def forget(self, create: Create) -> None:
        """Forget what a call has continued that failed: the client begins anew."""
        self._kept.pop(create.previous_response_id or "", None)

    def _known(self, create: Create) -> Conversation | None:
        return self._kept.get(create.previous_response_id or "")

    def _size(self) -> int:
        return sum(len(one.items) for one in self._kept.values())
