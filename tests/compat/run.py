"""`make compat`: compare both programs, and fail on every difference that docs/deviations.md does not name."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.compat import commands, named, reference, stores, traffic
from tests.compat.compare import Difference
from tests.compat.work import Done, Job
from tests.harness import prepare

MOST = 60
"""So many unnamed differences are printed."""
PARTS = ("http", "commands", "stores")


def main() -> int:
    """Return the exit status: 1 when something is not named, or when CI can't compare."""
    asked = _arguments()
    warnings.filterwarnings("ignore", "The HMAC key")  # the cases' secret is short
    try:
        print(f"the reference: {reference.program()}", flush=True)
    except reference.NotHere as why:
        return without_reference(str(why))
    began, found = time.monotonic(), list[Difference]()
    with tempfile.TemporaryDirectory(prefix="compat-") as folder:
        template = prepare(Path(folder) / "template")
        jobs = _jobs(asked, template, Path(folder))
        for count, done in _done(jobs, asked.jobs):
            found += done.differing
            if asked.save:
                with asked.save.open("a") as file:
                    file.writelines(map(_line, done.differing))
            print(
                f"\r{count} cases, {len(found)} differences, {time.monotonic() - began:.0f} s",
                end="",
                flush=True,
            )
    print()
    return _report(found, asked)


def without_reference(why: str) -> int:
    """Say why nothing was compared, and return the exit status: where CI runs, that is a failure."""
    is_failure = os.environ.get("CI") == "true"
    print(f"{'failed' if is_failure else 'skipped'}: {why}", flush=True)
    return int(is_failure)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make compat", description=__doc__)
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="cases whose title holds it: `table: name`"
    )
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2, help="so many pairs run at a time")
    parser.add_argument(
        "--save",
        type=Path,
        metavar="FILE",
        help="append every difference, a line of JSON each, as they are found",
    )
    return parser.parse_args()


def _jobs(asked: argparse.Namespace, template: Path, folder: Path) -> list[Job]:
    found: list[Job] = []
    if asked.part in (None, "http"):
        found += traffic.jobs(template, folder / "http", asked.only)
    if asked.part in (None, "commands"):
        found += commands.jobs(template, folder / "commands", asked.only)
    if asked.part == "stores" or (asked.part is None and not asked.only):
        found += stores.jobs(template, folder / "stores")
    return found


def _done(jobs: list[Job], at_a_time: int) -> Iterator[tuple[int, Done]]:
    """Run the jobs, and yield (cases so far, what a job found) in their order."""
    count = 0
    with ThreadPoolExecutor(at_a_time) as threads:
        for done in threads.map(lambda job: job(), jobs):
            count += done.cases
            yield count, done


def _report(found: list[Difference], asked: argparse.Namespace) -> int:
    rules = named.rules()
    told = [(one, named.naming(one, rules)) for one in found]
    left, wrong = [one for one, rule in told if rule is None], named.mistakes(rules)
    if not asked.only and asked.part is None:  # of a part nothing can be said of the others' rules
        wrong += named.idle(rules)
    for difference in left[:MOST]:
        print(difference)
    for line in wrong:
        print(line)
    cases = len({difference.title for difference in left})
    print(
        f"{len(found) - len(left)} differences named, {len(left)} unnamed in {cases} cases, {len(wrong)} mistakes"
    )
    return 1 if left or wrong else 0


def _line(one: Difference) -> str:
    told = {"title": one.title, "aspect": one.aspect, "there": one.theirs, "here": one.ours}
    return json.dumps(told, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
