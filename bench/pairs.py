"""Compare what a call costs here with what it costs in another commit: `python -m bench.pairs --against TREE`.

Or what limits cost: `--limits` compares calls of a token with a budget, and of one with every kind of limit, with
those of a token without any, here.

TREE is a work tree of that commit (`git worktree add --detach TREE COMMIT`) that this interpreter can run. Each tree's
gateway stands in a process of its own, as in `bench.cpu`, and they are asked in turn for a few calls that take
some 60 ms: whatever else the machine does falls on both. A row tells the median of the pairs' ratios, and the ratio of
the cheapest slices.
"""

import argparse
import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.cpu import SURFACES
from bench.limits import LIMITS
from bench.run import SIZES, body
from bench.upstream import EVENTS

ROOT = Path(__file__).resolve().parent.parent
SLICE_SECONDS = 0.06
WARM_UP = 30


@dataclass(frozen=True)
class Asked:
    """A request that a side is asked for by name."""

    name: str
    path: str
    body: bytes
    limits: dict = field(default_factory=dict)


class Side:
    """One tree's process."""

    def __init__(self, tree, requests):
        environment = {**os.environ, "PYTHONPATH": str(tree), "LOG_LEVEL": "error", "REDIS_URL": ""}
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(ROOT / "bench" / "pair_side.py")],
            cwd=tree,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(
            [[each.name, each.path, base64.b64encode(each.body).decode(), each.limits] for each in requests]
        )

    def spent(self, name, count):
        """Return the microseconds of CPU per call, of `count` calls."""
        self._say([name, count])
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{name}: a side has ended with {self._process.wait()}")
        return float(line) / count * 1e6

    def close(self):
        self._process.stdin.close()
        self._process.wait()

    def _say(self, value):
        self._process.stdin.write(json.dumps(value) + "\n")
        self._process.stdin.flush()


@dataclass(frozen=True)
class Cost:
    """What is compared on one side: a call, or an event, which is what a streamed call costs beyond a whole one."""

    side: Side
    call: str
    stream: str = ""

    def measure(self, counts):
        spent = self.side.spent(self.call, counts[self.call])
        if not self.stream:
            return spent
        return (self.side.spent(self.stream, counts[self.stream]) - spent) / EVENTS

    def count(self):
        """Return how many calls make a slice, by name, once everything is warm."""
        found = {}
        for name in filter(None, (self.call, self.stream)):
            self.side.spent(name, WARM_UP)
            found[name] = max(1, round(SLICE_SECONDS * 1e6 / self.side.spent(name, WARM_UP)))
        return found


def compared(one, other, pairs):
    """Return (the cheapest of `one`, of `other`, median of the ratios, ratio of the cheapest)."""
    counts = {**other.count(), **one.count()}
    found = []
    for number in range(pairs):
        if number % 2:  # who comes second finds the caches as the first left them
            mine = one.measure(counts)
            found.append((mine, other.measure(counts)))
        else:
            its = other.measure(counts)
            found.append((one.measure(counts), its))
    mine, its = (min(column) for column in zip(*found, strict=True))
    return mine, its, median(here / there for here, there in found), mine / its


LIMITED = {"budget": {name: LIMITS[name] for name in ("budget", "budget_period")}, "every limit": LIMITS}
"""Limits of a token, counted in memory."""


def requests():
    """Return every request by its name: bodies of three sizes, and each surface whole and streamed."""
    found = [Asked(size, "/v1/messages", body(SIZES[size])) for size in SIZES]
    for name, (path, make, model) in SURFACES.items():
        found += [Asked(name, path, make(model, False)), Asked(f"{name}, stream", path, make(model, True))]
    for name, limits in LIMITED.items():
        found += [Asked(f"{name}, {size}", "/v1/messages", body(SIZES[size]), limits) for size in SIZES]
    return found


def columns():
    """Return what is compared between trees: `{name: (call, stream)}`."""
    found = {f"messages, {size}": (size, "") for size in SIZES}
    for name in SURFACES:
        found |= {f"{name}, whole": (name, ""), f"{name}, event": (name, f"{name}, stream")}
    return found


def against_another(here, options):
    """Print a row per column, of this tree and the other."""
    there = Side(options.against.resolve(), requests())
    try:
        for name, (call, stream) in columns().items():
            if name.startswith(options.only):
                print_row(name, *compared(Cost(here, call, stream), Cost(there, call, stream), options.pairs))
    finally:
        there.close()


def limited(here, options):
    """Print a row per kind of limit and size: with it, and without any."""
    for name in LIMITED:
        for size in SIZES:
            row = f"{name}, {size}"
            if row.startswith(options.only):
                print_row(row, *compared(Cost(here, row), Cost(here, size), options.pairs))


def print_row(name, mine, its, middle, cheapest):
    print(f"{name:<34}{mine:>10.2f}{its:>10.2f}{middle:>10.3f}{cheapest:>10.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    of = parser.add_mutually_exclusive_group(required=True)
    of.add_argument("--against", type=Path, metavar="TREE", help="work tree of the other commit")
    of.add_argument("--limits", action="store_true", help="limited calls with unlimited ones")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--only", default="", help="columns whose name begins so")
    options = parser.parse_args()
    here = Side(ROOT, requests())
    print(f"{'µs of CPU':<34}{'here':>10}{'there':>10}{'ratio':>10}{'of best':>10}")
    try:
        (limited if options.limits else against_another)(here, options)
    finally:
        here.close()


if __name__ == "__main__":
    main()
