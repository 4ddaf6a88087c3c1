"""`make compat`: compare both programs, and fail on every difference that docs/deviations.md does not name."""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests import warm
from tests.compat import commands, named, reference, stores, traffic
from tests.compat.compare import Difference
from tests.compat.program import MOST_SECONDS
from tests.compat.work import Job
from tests.harness import prepare

MOST = 60
"""So many unnamed differences are printed."""
MOST_AGAIN = 20
"""When more jobs than these differ, it is no slow machine."""
PARTS = ("http", "commands", "stores")


def main() -> int:
    """Return the exit status: 1 when something is not named."""
    asked = _arguments()
    warnings.filterwarnings("ignore", "The HMAC key")  # the cases' secret is short
    try:
        print(f"the reference: {reference.program()}", flush=True)
    except reference.NotHere as why:
        print(f"skipped: {why}", flush=True)
        return 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="compat-") as folder:
        jobs = _jobs(asked, prepare(Path(folder) / "template", MOST_SECONDS))
        found, again = compared(jobs, Path(folder), asked)
        warm.close()  # so that what it took counts
    used = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    count = sum(job.cases for job in jobs)
    print(f"{count} cases in {time.monotonic() - began:.0f} s, {used:.0f} s of CPU", flush=True)
    return report(found, again, asked)


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


def _jobs(asked: argparse.Namespace, template: Path) -> list[Job]:
    found: list[Job] = []
    if asked.part == "stores" or (asked.part is None and not asked.only):
        found += stores.jobs(template)  # the longest ones first
    if asked.part in (None, "http"):
        found += traffic.jobs(template, asked.only)
    if asked.part in (None, "commands"):
        found += commands.jobs(template, asked.only)
    return found


def compared(jobs: list[Job], folder: Path, asked: argparse.Namespace) -> tuple[list[Difference], list[str]]:
    """Return every difference, and the names of the jobs that differed beside others and not alone.

    A job that found something that no row names runs once more when all others have ended, on a machine that is slow
    as well: what is there counts.
    """
    known = named.rules()
    found: dict[int, list[Difference]] = {}
    cases = 0
    with ThreadPoolExecutor(asked.jobs) as threads:
        running = {
            threads.submit(of_job, job, folder / str(number)): number for number, job in enumerate(jobs)
        }
        for done in as_completed(running):
            number = running[done]
            found[number] = done.result()
            cases += jobs[number].cases
            if asked.save:
                with asked.save.open("a") as file:
                    file.writelines(map(_line, found[number]))
            print(f"\r{cases} cases, {sum(map(len, found.values()))} differences", end="", flush=True)
    print()
    suspects = [
        number for number in sorted(found) if any(named.naming(one, known) is None for one in found[number])
    ]
    again = []
    for number in suspects if len(suspects) <= MOST_AGAIN else ():
        alone = of_job(jobs[number], folder / f"{number}-again")
        if not any(named.naming(one, known) is None for one in alone):
            again.append(jobs[number].name)
        found[number] = alone
    return [one for number in sorted(found) for one in found[number]], again


def of_job(job: Job, folder: Path) -> list[Difference]:
    """Return what a job found; one that could not be done is a difference, too."""
    folder.mkdir()
    try:
        return job.compare(folder)
    except (AssertionError, OSError, subprocess.SubprocessError) as problem:
        table, _, name = job.name.partition(": ")
        return [Difference(table, name, "not compared", "", str(problem)[-300:])]


def report(found: list[Difference], again: list[str], asked: argparse.Namespace) -> int:
    """Print what has no name; return the exit status."""
    rules = named.rules()
    told = [(one, named.naming(one, rules)) for one in found]
    left, wrong = [one for one, rule in told if rule is None], named.mistakes(rules)
    if not asked.only and asked.part is None:  # of a part nothing can be said of the others' rules
        wrong += named.idle(rules)
    for difference in left[:MOST]:
        print(difference)
    for line in wrong:
        print(line)
    for name in again:
        print(f"differed beside others, and not alone: {name}")
    titles = dict.fromkeys(difference.title for difference in left)
    print(
        f"{len(found) - len(left)} differences named, {len(left)} unnamed in {len(titles)} cases, "
        f"{len(wrong)} mistakes, {len(again)} that differed once"
    )
    for title in titles:
        print(f"unnamed: {title}")
    return 1 if left or wrong else 0


def _line(one: Difference) -> str:
    told = {"title": one.title, "aspect": one.aspect, "there": one.theirs, "here": one.ours}
    return json.dumps(told, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
