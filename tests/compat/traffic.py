"""Every HTTP case on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.compat import cases, compare, exchange, sides
from tests.compat.cases import ADMIN_KEY, Case
from tests.compat.compare import Difference
from tests.compat.sides import Side
from tests.compat.work import Done, Job

STATEFUL = ("accounts",)
"""Tables whose cases follow one another: no cooldown is cleared between them."""


def jobs(template: Path, base: Path, only: str = "") -> list[Job]:
    """Return the work: a job for every process of every table."""
    found = cases.load(only)
    groups = [
        [case for case in found if case.process == process]
        for process in dict.fromkeys(case.process for case in found)
    ]

    def job(number: int, group: list[Case]) -> Job:
        return lambda: Done(len(group), list(_group(base / str(number), group, template)))

    return [job(number, group) for number, group in enumerate(groups)]


def _group(folder: Path, group: list[Case], template: Path) -> Iterator[Difference]:
    setup = group[0].setup
    try:
        with sides.theirs(_folder(folder / "theirs"), setup) as theirs:
            there = [compare.aspects(theirs, exchange.run(theirs, case)) for case in group]
    except AssertionError as problem:
        there = [{"start": "no"}] * len(group)
        print(problem)
    try:
        with sides.ours(_folder(folder / "ours"), setup, template) as ours:
            here = [compare.aspects(ours, _run(ours, case)) for case in group]
    except AssertionError as problem:
        here = [{"start": "no", "why": str(problem)[-300:]}] * len(group)
    for case, one, other in zip(group, there, here, strict=True):
        if "start" in one or "start" in other:
            if one.get("start") != other.get("start"):
                yield Difference(
                    case.table, case.name, "start", one.get("start", "yes"), other.get("why", "yes")
                )
            continue
        yield from compare.differences((case.table, case.name), one, other)


def _run(ours: Side, case: Case) -> exchange.Observed:
    seen = exchange.run(ours, case)
    if case.table not in STATEFUL and any(
        told == "connection closed" or told[0] >= 400 for told in case.answers
    ):
        _clear(ours)
    return seen


def _clear(ours: Side) -> None:
    """End cooldowns: the next case must not suffer from the last."""
    admin = [("authorization", f"Bearer {ADMIN_KEY}"), ("content-type", "application/json")]
    listed = exchange.ask(ours.port, "GET", "/v1/accounts", admin)
    for account in listed.json()["accounts"] if listed.status == 200 else ():
        exchange.ask(ours.port, "POST", f"/api/accounts/{account['name']}/clear", admin, b"{}")
    providers = exchange.ask(ours.port, "GET", "/api/providers", admin)
    names = [one["name"] for one in providers.json()["data"]] if providers.status == 200 else []
    for name in {*names, "anthropic", "litellm", "gonka", "crater"}:
        exchange.ask(ours.port, "POST", f"/api/providers/{name}/clear", admin, b"{}")


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path
