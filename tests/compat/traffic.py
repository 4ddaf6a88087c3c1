"""Every HTTP case on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.compat import cases, compare, exchange, sides
from tests.compat.cases import ADMIN_KEY, Case
from tests.compat.compare import Difference
from tests.compat.sides import Side
from tests.compat.work import Job

STATEFUL = ("accounts",)
"""Tables whose cases follow one another: no cooldown is cleared between them."""


def jobs(template: Path, only: str = "") -> list[Job]:
    """Return the work: a job for every process of every table."""
    groups: dict[str, list[Case]] = {}
    for case in cases.load(only):
        groups.setdefault(case.process, []).append(case)
    return [
        Job(len(group), partial(_group, group, template=template), group[0].title)
        for group in groups.values()
    ]


def _group(group: list[Case], folder: Path, *, template: Path) -> list[Difference]:
    return list(_differences(group, folder, template))


def _differences(group: list[Case], folder: Path, template: Path) -> Iterator[Difference]:
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
