"""Waiting for an offer's row: told at once in the same process, found by looking in another's."""

from __future__ import annotations

import asyncio

import pytest

from forgefed import changes, offers
from forgefed.client import SignedClient
from forgefed.models import Offer
from gateway.kernel.egress import EgressGuard
from providers.crater.board import Board

pytestmark = pytest.mark.django_db(transaction=True)


def accept(activity_id: str) -> None:
    Offer.objects.filter(activity_id=activity_id).update(state="accepted", answer={"result": activity_id})


@pytest.mark.parametrize("is_told", [True, False])
async def test_a_waiter_learns_of_its_own_offer(is_told: bool):
    board = Board(SignedClient(EgressGuard(), is_in_request=False))
    try:
        for own_id in ("a", "b"):
            await asyncio.to_thread(offers.begin, own_id, "t", "i")
        with board.watch("a") as first, board.watch("b") as second:
            await asyncio.to_thread(accept, "b")
            if is_told:
                changes.incoming.announce()
            assert await second.news(20)
            assert (second.standing.state, second.standing.answer) == ("accepted", {"result": "b"})
            assert first.standing.state == "waiting"
            assert not await first.news(0.01)
    finally:
        await board.aclose()


async def test_it_looks_only_while_somebody_waits(monkeypatch):
    looks: list[int] = []
    monkeypatch.setattr(offers, "standings", lambda ids: looks.append(len(ids)) or {})
    board = Board(SignedClient(EgressGuard(), is_in_request=False))
    with board.watch("a") as watch:
        for _ in range(100):
            if looks:
                break
            await asyncio.sleep(0.05)
        assert not await watch.news(0.01)
    assert looks and set(looks) == {1}
    await asyncio.sleep(0.6)
    seen = len(looks)
    await asyncio.sleep(0.6)
    assert len(looks) == seen
    await board.aclose()
