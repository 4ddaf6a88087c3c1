"""Change bus and shared sessions together, as the runtime holds them."""

from __future__ import annotations

import asyncio

import pytest

from gateway.shared.peers import Peers
from tests.accounts.building import memory_pool

pytestmark = pytest.mark.redis


async def test_announcements_wake_the_others(connect) -> None:
    woken = asyncio.Event()
    one = Peers(connect(), memory_pool(), 60, {"tokens": lambda: None})
    two = Peers(connect(), memory_pool(), 60, {"tokens": woken.set})
    for each in (one, two):
        await each.start()
    await asyncio.wait_for(woken.wait(), 5)  # the first look
    woken.clear()
    one.announce("tokens")
    await asyncio.wait_for(woken.wait(), 5)
    for each in (one, two):
        await each.aclose()
