"""Strategies: choose which of the ready accounts takes a call that is not bound to one. Pure.

A roster is the list of accounts that are ready for one model; it is built anew when that changes, so
that picking costs the same with ten accounts and with a thousand.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

BUCKETS = 60


class Candidate(Protocol):
    """The fields that a strategy reads. `turn` grows by `stride` with every call the account serves."""

    order: int  # unique; the operator's order
    priority: int  # lower goes first
    weight: int
    turn: float
    stride: float


Member = TypeVar("Member", bound=Candidate)
Accept = Callable[[Member], bool]


class Roster(Protocol[Member]):
    """Ready accounts under one strategy."""

    members: Sequence[Member]

    def pick(self, accept: Callable[[Member], bool]) -> Member | None:
        """Return the next account for which `accept` holds; None when there is none."""


class RoundRobinState:
    """The position of round-robin, kept over rebuilt rosters."""

    __slots__ = ("place",)

    def __init__(self) -> None:
        self.place = 0


class RoundRobin(Generic[Member]):
    """Pick one after the other.

    The turn of one that isn't ready is shared by all, not given to the next one.
    """

    def __init__(self, members: Sequence[Member], round_robin: RoundRobinState) -> None:
        self.members = members
        self._round_robin = round_robin

    def pick(self, accept: Callable[[Member], bool]) -> Member | None:
        count, place = len(self.members), self._round_robin.place
        for step in range(count):
            member = self.members[(place + step) % count]
            if accept(member):
                self._round_robin.place = place + step + 1
                return member
        return None


class ByPriority(Generic[Member]):
    """Pick the first in the operator's order that has room."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members: Sequence[Member] = sorted(members, key=lambda member: (member.priority, member.order))

    def pick(self, accept: Callable[[Member], bool]) -> Member | None:
        for member in self.members:
            if accept(member):
                return member
        return None


class ByTurn(Generic[Member]):
    """Pick the account with the smallest `turn`: least-used with stride 1, weighted with stride 1/weight.

    An account that joins starts where the others are, else it would get every call until it caught up.
    """

    def __init__(self, members: Sequence[Member], known: frozenset[int]) -> None:
        self.members = members
        served = [member.turn for member in members if member.order in known]
        floor = min(served, default=0.0)
        for member in members:
            if member.order not in known:
                member.turn = max(member.turn, floor)
        self._heap = [(member.turn, member.order, member) for member in members]
        heapq.heapify(self._heap)

    def pick(self, accept: Callable[[Member], bool]) -> Member | None:
        heap, aside, found = self._heap, [], None
        while heap:
            turn, order, member = heap[0]
            if turn != member.turn:  # it served bound calls since
                heapq.heapreplace(heap, (member.turn, order, member))
                continue
            if accept(member):
                found = member
                break
            aside.append(heapq.heappop(heap))
        for entry in aside:
            heapq.heappush(heap, entry)
        return found


class WindowCap:
    """Allow at most `requests` in any `window_seconds`; counted in 60 steps, on the safe side."""

    __slots__ = ("_buckets", "_count", "_step", "requests", "window_seconds")

    def __init__(self, requests: int, window_seconds: float) -> None:
        self.requests = requests
        self.window_seconds = window_seconds
        self._step = window_seconds / BUCKETS
        self._buckets: deque[list[int]] = deque()  # [number of the step, calls]
        self._count = 0

    def frees_at(self, now: float) -> float | None:
        """Return when the oldest step leaves the window; None: there is room now."""
        self._expire(now)
        if self._count < self.requests:
            return None
        if not self._buckets:
            return now + self.window_seconds  # a cap of nothing
        return (self._buckets[0][0] + BUCKETS + 1) * self._step

    def add(self, now: float) -> None:
        step = int(now // self._step)
        if self._buckets and self._buckets[-1][0] == step:
            self._buckets[-1][1] += 1
        else:
            self._buckets.append([step, 1])
        self._count += 1

    def _expire(self, now: float) -> None:
        oldest = int(now // self._step) - BUCKETS
        while self._buckets and not oldest <= self._buckets[0][0] <= oldest + BUCKETS:
            self._count -= self._buckets.popleft()[1]
