"""Tell the application about the end of its process.

Our servers put a `Drain` into `scope["state"]["drain"]`; under somebody else's there is none, and it never comes.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

logger = logging.getLogger(__name__)


class DeadlineEvent:
    """Event that is set once, when running streams have to end.

    Like asyncio.Event, but of no particular event loop.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._callbacks: dict[object, Callable[[], None]] = {}

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        """Wait for the event, from the event loop of those who wait."""
        self._is_set = True
        callbacks, self._callbacks = self._callbacks, {}
        for callback in callbacks.values():
            try:
                callback()
            except Exception:
                logger.exception("a callback of the drain's deadline")

    def add_callback(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` when the event is set, at once if it is. The result takes the callback back.

        Costs no task: what a stream should use.
        """
        key = object()
        self._callbacks[key] = callback
        if self._is_set:
            self.set()

        def forget() -> None:
            self._callbacks.pop(key, None)

        return forget

    async def wait(self) -> None:
        future = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not future.done():
                future.set_result(None)

        forget = self.add_callback(wake)
        try:
            await future
        finally:
            forget()


def holds_nothing() -> bool:
    """Tell that nothing runs beside the exchanges."""
    return False


@dataclass(slots=True)
class Drain:
    """Three steps: not ready any more (load balancers look away), draining (no new connections, every answer
    closes its connection), deadline (streams say an error event and end; soon after they are cancelled)."""

    is_ready: bool = False
    is_draining: bool = False
    is_held: Callable[[], bool] = holds_nothing  # the application runs something that no connection waits for
    deadline_event: DeadlineEvent = field(default_factory=DeadlineEvent)
