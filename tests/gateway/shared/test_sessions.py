"""A conversation has the same account in every process; two that bind it at once agree."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from accounts.pool.lease import Ask
from accounts.pool.pool import Pool, PoolOptions
from gateway.shared.peers import Peers
from gateway.shared.sessions import MAX_WAITING, SharedSessions
from tests.accounts.building import ask, memory_pool

pytestmark = pytest.mark.redis


class Process:
    """A pool and its peers."""

    def __init__(self, shared, idle_seconds: float = 100) -> None:
        self.pool: Pool = memory_pool(
            3, clock=time.time, options=PoolOptions(session_idle_seconds=idle_seconds)
        )
        self.peers = Peers(shared, self.pool, idle_seconds, {})
        self.sessions: SharedSessions = self.peers.sessions

    def ask(self, session: str, **more: object) -> Ask:
        return ask(time.time(), session=session, **more)

    async def call(self, session: str, **more: object) -> str:
        wanted = self.ask(session, **more)
        await self.sessions.recall(wanted)
        return self.choose(session, **more)

    def choose(self, session: str, **more: object) -> str:
        with_lease = self.pool.choose(self.ask(session, **more))
        with_lease.release()
        return with_lease.account


@pytest.fixture
async def start(connect):
    running: list[Process] = []

    async def begin(**options: float) -> Process:
        process = Process(connect(), **options)
        await process.peers.start()
        running.append(process)
        return process

    yield begin
    for process in running:
        await process.peers.aclose()


def sessions_in(server) -> dict[bytes, bytes]:
    with server.client() as client:
        return {key: client.get(key) for key in client.keys("router:session:*")}


async def eventually(is_it: Callable[[], object], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not is_it():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


async def test_a_conversation_goes_on_where_another_process_began_it(start, server) -> None:
    one, two = await start(), await start()
    began = {session: await one.call(session) for session in "abcdef"}
    await eventually(lambda: len(sessions_in(server)) == 6)
    assert {session: await two.call(session) for session in "fedcba"} == began


async def test_a_process_that_comes_later_knows_it_too(start, server) -> None:
    one = await start()
    began = {session: await one.call(session) for session in "abcdef"}
    await eventually(lambda: len(sessions_in(server)) == 6)
    later = await start()
    assert {session: await later.call(session) for session in "abcdef"} == began


async def test_of_two_at_once_the_first_wins_and_the_other_follows(start, server) -> None:
    one, two = await start(), await start()
    two.choose("another")  # their turns differ now
    first, second = one.choose("same"), two.choose("same")
    assert first != second
    await eventually(lambda: len(sessions_in(server)) == 2)
    await eventually(lambda: one.choose("same") == two.choose("same"))
    assert one.choose("same") in (first, second)


async def test_a_move_is_heard_by_who_knows_the_conversation(start, server) -> None:
    one, two = await start(), await start()
    before = await one.call("a")
    await eventually(lambda: len(sessions_in(server)) == 1)
    assert await two.call("a") == before
    [state] = [state for state in one.pool.states() if state.name == before]
    state.terms = type(state.terms)(state.name, "anthropic", is_paused=True)
    one.pool.install_states(one.pool.states())
    after = await one.call("a")
    assert after != before
    await eventually(lambda: two.choose("a") == after)


async def test_other_tokens_conversations_are_others(start, server) -> None:
    one, two = await start(), await start()
    await one.call("a", token_id="mine")
    await eventually(lambda: len(sessions_in(server)) == 1)
    assert two.pool.lacks_session(two.ask("a", token_id="theirs"))
    await two.sessions.recall(two.ask("a", token_id="theirs"))
    assert two.pool.lacks_session(two.ask("a", token_id="theirs"))


async def test_a_session_lives_as_long_as_it_is_used(start, server) -> None:
    one = await start(idle_seconds=2)
    await one.call("a")
    await eventually(lambda: len(sessions_in(server)) == 1)
    for _ in range(15):
        one.choose("a")
        await asyncio.sleep(0.2)
    assert len(sessions_in(server)) == 1
    await eventually(lambda: not sessions_in(server))


async def test_what_redis_keeps_of_a_conversation_ends_by_itself(start, server) -> None:
    one = await start(idle_seconds=60)
    for number in range(1_000):
        await one.call(f"s{number}")
    with server.client() as client:
        await eventually(lambda: client.dbsize() == 1_000)
        assert all(0 < client.ttl(key) <= 60 for key in client.keys("*"))
    assert not one.sessions.waiting


async def test_without_redis_everybody_decides_alone_and_nobody_waits(start, server) -> None:
    one = await start()
    server.stop()
    began = time.monotonic()
    for number in range(50):
        assert await one.call(f"s{number}")
    assert time.monotonic() - began < 2
    server.start()
    await eventually(lambda: one.sessions.health.is_up)
    await one.call("new")
    await eventually(lambda: sessions_in(server))


async def test_what_waits_is_bounded(start, server) -> None:
    one = await start()
    for number in range(MAX_WAITING + 1_000):
        one.choose(f"s{number}")  # the loop has no turn in between
    assert len(one.sessions.waiting) == MAX_WAITING
