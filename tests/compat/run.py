"""`make compat`: compare both programs, and fail on every difference that docs/deviations.md does not name."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from tests.compat import commands, named, reference, stores, traffic
from tests.compat.compare import Difference
from tests.harness import prepare

MOST = 60
"""So many unnamed differences are printed."""
PARTS = ("http", "commands", "stores")


def main() -> int:
    """Return the exit status: 1 when something is not named."""
    asked = _arguments()
    warnings.filterwarnings("ignore", "The HMAC key")  # the cases' secret is short
    try:
        print(f"the reference: {reference.program()}", flush=True)
    except reference.NotHere as why:
        print(f"skipped: {why}")
        return 0
    began, count, found = time.monotonic(), 0, []
    with tempfile.TemporaryDirectory(prefix="compat-") as folder:
        template = prepare(Path(folder) / "template")
        for done, differing in _parts(asked, template):
            count += done
            found += differing
            print(
                f"\r{count} cases, {len(found)} differences, {time.monotonic() - began:.0f} s",
                end="",
                flush=True,
            )
    print()
    return _report(found, is_whole=not asked.only and asked.part is None)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make compat", description=__doc__)
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="cases whose title holds it: `table: name`"
    )
    parser.add_argument("--part", choices=PARTS)
    return parser.parse_args()


def _parts(asked: argparse.Namespace, template: Path) -> Iterator[tuple[int, list[Difference]]]:
    if asked.part in (None, "http"):
        yield from traffic.differences(template, asked.only)
    if asked.part in (None, "commands"):
        yield from commands.compared(template, asked.only)
    if asked.part == "stores" or (asked.part is None and not asked.only):
        yield from stores.differences(template)


def _report(found: list[Difference], *, is_whole: bool) -> int:
    rules = named.rules()
    left, wrong = named.unnamed(found, rules), named.mistakes(rules)
    if is_whole:  # of a part nothing can be said of the others' rules
        wrong += [
            f"names nothing any more: {rule.row} ({', '.join(rule.cases)})" for rule in rules if not rule.uses
        ]
    for difference in left[:MOST]:
        print(difference)
    for line in wrong:
        print(line)
    cases = len({difference.title for difference in left})
    print(
        f"{len(found) - len(left)} differences named, {len(left)} unnamed in {cases} cases, {len(wrong)} mistakes"
    )
    return 1 if left or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
