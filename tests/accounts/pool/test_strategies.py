"""Strategies over plain candidates, and caps."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.pool.strategies import ByPriority, ByTurn, RoundRobin, RoundRobinState, WindowCap

NOW = 1_800_000_000.0


@dataclass
class One:
    order: int
    priority: int = 100
    weight: int = 1
    turn: float = 0.0
    stride: float = 1.0


def anyone(_: One) -> bool:
    return True


def serve(roster: ByTurn[One], calls: int) -> Counter[int]:
    served: Counter[int] = Counter()
    for _ in range(calls):
        member = roster.pick(anyone)
        assert member is not None
        member.turn += member.stride
        served[member.order] += 1
    return served


def test_round_robin_goes_around_and_keeps_its_place() -> None:
    members, round_robin = [One(0), One(1), One(2)], RoundRobinState()
    roster = RoundRobin(members, round_robin)
    assert [roster.pick(anyone).order for _ in range(4)] == [0, 1, 2, 0]  # type: ignore[union-attr]
    assert [RoundRobin(members, round_robin).pick(anyone).order for _ in range(2)] == [1, 2]  # type: ignore[union-attr]


def test_priority_takes_the_first_with_room() -> None:
    roster = ByPriority([One(0, 5), One(1, 1), One(2, 1)])
    assert roster.pick(anyone).order == 1  # type: ignore[union-attr]
    assert roster.pick(lambda member: member.order != 1).order == 2  # type: ignore[union-attr]
    assert roster.pick(lambda member: False) is None


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_weights_are_shares(weights: list[int]) -> None:
    members = [One(order, weight=weight, stride=1 / weight) for order, weight in enumerate(weights)]
    served = serve(ByTurn(members, frozenset()), sum(weights) * 20)
    for order, weight in enumerate(weights):
        assert abs(served[order] - weight * 20) <= 2


@given(st.lists(st.integers(0, 30), min_size=2, max_size=8))
def test_least_used_counts_calls_that_came_by_affinity(bound_calls: list[int]) -> None:
    members = [One(order) for order in range(len(bound_calls))]
    roster = ByTurn(members, frozenset(range(len(members))))
    for member, calls in zip(members, bound_calls, strict=True):
        member.turn += calls
    serve(roster, 200 * len(members))
    turns = [member.turn for member in members]
    assert max(turns) - min(turns) <= 1


def test_one_that_joins_late_gets_its_share_and_not_everything() -> None:
    members = [One(0), One(1)]
    serve(ByTurn(members, frozenset()), 1000)
    served = serve(ByTurn([*members, One(2)], frozenset((0, 1))), 300)
    assert served == {0: 100, 1: 100, 2: 100}


@given(st.sets(st.integers(0, 9), max_size=10), st.sampled_from(["round-robin", "priority", "turn"]))
def test_only_acceptable_ones_are_picked_and_none_is_lost(refused: set[int], kind: str) -> None:
    members = [One(order) for order in range(10)]
    roster = {
        "round-robin": RoundRobin(members, RoundRobinState()),
        "priority": ByPriority(members), "turn": ByTurn(members, frozenset()),
    }[kind]  # fmt: skip
    member = roster.pick(lambda one: one.order not in refused)
    assert (member is None) == (len(refused) == 10)
    assert member is None or member.order not in refused
    assert (
        len({roster.pick(lambda one, wanted=order: one.order == wanted).order for order in range(10)}) == 10
    )  # type: ignore[union-attr, misc]


def test_a_cap_frees_when_its_window_has_passed() -> None:
    cap = WindowCap(3, 60)
    for second in range(3):
        assert cap.frees_at(NOW + second) is None
        cap.add(NOW + second)
    frees_at = cap.frees_at(NOW + 3)
    assert frees_at is not None and NOW + 60 <= frees_at <= NOW + 62
    assert cap.frees_at(frees_at) is None


@given(st.lists(st.floats(0, 10), max_size=300), st.integers(1, 20))
def test_a_cap_is_never_exceeded_in_any_window(gaps: list[float], limit: int) -> None:
    cap, now, let_through = WindowCap(limit, 60), NOW, []
    for gap in gaps:
        now += gap
        if cap.frees_at(now) is None:
            cap.add(now)
            let_through.append(now)
    for start in let_through:
        assert sum(1 for moment in let_through if start <= moment < start + 60) <= limit


@pytest.mark.parametrize("jump", [-1e7, 1e7])
def test_a_clock_jump_frees_a_cap(jump: float) -> None:
    cap = WindowCap(1, 60)
    cap.add(NOW)
    assert cap.frees_at(NOW + jump) is None
