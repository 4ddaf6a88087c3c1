"""Share sticky sessions between processes, so that the upstream's cache stays warm in all of them.

Memory first. Redis is asked once per process and conversation, when memory does not know it, and never waited
for longer than `RECALL_SECONDS`; it is told in the background. When two processes bind one conversation at
the same moment, the first to reach Redis wins and the other follows from its next call on; the same holds for
moves. Without Redis every process decides for itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from redis.exceptions import RedisError

from accounts.pool.affinity import SessionMove
from accounts.pool.lease import Ask
from accounts.pool.pool import Pool
from accounts.pool.sessions import affinity_keys
from gateway.shared.change_bus import end
from gateway.shared.redis import Shared

logger = logging.getLogger(__name__)

RECALL_SECONDS = 0.1
AWAY_SECONDS = 1.0
GATHER_SECONDS = 0.02
MAX_WAITING = 20_000
BATCH = 200

TAKE = """
local now = redis.call('GET', KEYS[1])
if now and now ~= ARGV[1] and now ~= ARGV[2] then return now end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
return ARGV[1]
"""
"""Returns the account afterwards.

ARGV: account, the one that the caller believed in ("" = none), idle seconds.
"""


class SharedSessions:
    """Tells Redis of this process's sessions and asks it for those of others. Belongs to one event loop.

    `on_move` gets `key account` of every move that Redis took.
    """

    def __init__(
        self, shared: Shared, pool: Pool, idle_seconds: float, on_move: Callable[[str], None]
    ) -> None:
        self._redis, self.health = shared.client, shared.health
        self._pool = pool
        self._idle_seconds = max(1, round(idle_seconds))
        self._on_move = on_move
        self.waiting: dict[int, SessionMove] = {}
        self._has_waiting = asyncio.Event()
        self._ask_again_at = 0.0  # monotonic
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pool.tell_sessions(self._hear)
        self._task = asyncio.create_task(self._run(), name="shared-sessions")

    async def aclose(self) -> None:
        """Stop. What is not told by now is not told."""
        self._loop = None
        if self._task is not None:
            await end([self._task])
            self._task = None

    async def recall(self, ask: Ask) -> None:
        """Adopt, before choosing, what the others know of a conversation that is new to this process.

        Never raises.
        """
        if (
            not self.health.is_up
            or time.monotonic() < self._ask_again_at
            or not self._pool.lacks_session(ask)
        ):
            return
        try:
            async with asyncio.timeout(RECALL_SECONDS):
                found = await self._redis.mget([_name(key) for key in affinity_keys(ask)])
        except TimeoutError:
            self._ask_again_at = time.monotonic() + AWAY_SECONDS
            return
        except (RedisError, OSError) as exc:
            self.health.down(exc)
            return
        self._pool.adopt_sessions(ask, _account(found[0]), _account(found[1]))

    def moved(self, words: str) -> None:
        """Take over the move that another process announces as `key account`."""
        with contextlib.suppress(ValueError):
            key, account = words.split(" ")
            self._pool.move_session(int(key), int(account))

    def _hear(self, placement: SessionMove) -> None:
        """Queue a binding or move. Called by whoever chooses: quick, in any thread."""
        earlier = self.waiting.get(placement.key)
        if earlier is not None:
            placement = SessionMove(placement.key, placement.account, earlier.before)
        elif len(self.waiting) >= MAX_WAITING:
            return
        self.waiting[placement.key] = placement
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._has_waiting.set)

    async def _run(self) -> None:
        while True:
            await self._has_waiting.wait()
            self._has_waiting.clear()
            await asyncio.sleep(GATHER_SECONDS)
            while self.waiting:
                batch = [self.waiting.pop(key) for key in list(self.waiting)[:BATCH]]
                try:
                    await self._tell(batch)
                except (RedisError, OSError) as exc:
                    self.health.down(exc)
                    await asyncio.sleep(AWAY_SECONDS)
                except Exception:
                    logger.exception("shared sessions: unforeseen error; it goes on")

    async def _tell(self, batch: list[SessionMove]) -> None:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for each in batch:
                before = "" if each.before is None else str(each.before)
                pipeline.eval(TAKE, 1, _name(each.key), str(each.account), before, str(self._idle_seconds))
            answers = await pipeline.execute()
        for each, answer in zip(batch, answers, strict=True):
            account = _account(answer)
            if account is not None and account != each.account:
                self._pool.move_session(each.key, account)  # another process was first
            elif each.before is not None and each.before != each.account:
                self._on_move(f"{each.key} {each.account}")


def _name(key: int) -> str:
    return f"router:session:{key:016x}"


def _account(found: bytes | str | None) -> int | None:
    return None if found is None else int(found)
