"""Measure what the gateway costs beside a bare relay and the upstream itself, in one run: `make bench`.

Figures are the median over the rounds; a round measures every subject once per load, one after the other, so
that what else the machine does falls on all of them. `--quick` takes under a minute.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench import load, report, subjects

SIZES = {"1 KB": 1_000, "100 KB": 100_000, "1 MB": 1_000_000}
CONNECTIONS = 16
STREAMS = 64


def body(size):
    """Return a messages request of `size` bytes: a long conversation in blocks.

    It is written as Claude Code and the SDKs write it: compact, letters beyond ASCII as they are.
    """
    block = {"type": "text", "text": "def handle(event):\n    return \"é\" + event['name']\n" * 18}
    request = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 1024,
        "metadata": {"user_id": "bench"},
        "messages": [],
    }
    turn = {"role": "user", "content": [block]}
    one = len(compact(turn)) + 1
    request["messages"] = [turn] * max(0, (size - 300) // one)
    padding = size - len(compact(request)) - 60
    request["messages"] = [*request["messages"], {"role": "user", "content": "x" * max(1, padding)}]
    return compact(request)


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--quick",
        action="store_true",
        help="two short rounds, the bare relay on stock servers only, less latency",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="per wrk run")
    parser.add_argument("--servers", default="daphne,uvicorn")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 2, 1
    return options


def begin(stack, options, directory):
    """Start everything; the upstream comes first in the list."""
    vendor = stack.enter_context(
        subjects.started("upstream alone", None, [sys.executable, "-m", "bench.upstream"], directory)
    )
    found, tokens = [vendor], {}
    for server in options.servers.split(","):
        found.append(subjects.stock_relay(stack, server, vendor, directory))
        if not options.quick:
            found.append(subjects.relay(stack, server, vendor, directory))
        process, tokens[process.name] = subjects.gateway(stack, server, vendor)
        found.append(process)
    return found, tokens


def warm_up(found, tokens, files):
    for subject in found:
        load.wrk(subject, load.Asked(files["1 KB"], tokens.get(subject.name, "none")), CONNECTIONS, 1)


def measure(found, tokens, files, options):
    """Measure each subject.

    Returns `{subject: {"busy": {size: [Whole]}, "idle": {size: [Whole]}, "event_ms": [float]}}`.
    """
    seen = {subject.name: {"busy": {}, "idle": {}, "event_ms": []} for subject in found}
    seconds = max(1, round(options.seconds))
    for number in range(options.rounds):
        for size, file in files.items():
            for subject in found:
                print(f"round {number + 1}/{options.rounds}: {size:>6}, {subject.name}", file=sys.stderr)
                of, token = seen[subject.name], tokens.get(subject.name, "none")
                asked = load.Asked(file, token)
                of["busy"].setdefault(size, []).append(load.wrk(subject, asked, CONNECTIONS, seconds))
                if not options.quick or (number == 0 and size == "1 KB"):
                    of["idle"].setdefault(size, []).append(load.wrk(subject, asked, 1, 1))
        for subject in [] if options.quick and number else found:
            token = tokens.get(subject.name, "none")
            seen[subject.name]["event_ms"].append(load.sse(subject, token, STREAMS)[0])
        for subject in found:
            if subject.base is not None:
                translate(subject, tokens[subject.name], files, options, seen[subject.name])
    return seen


def translate(subject, token, files, options, of):
    """Measure what translation costs: add `{"translated": {way: [(ms per request, ms per event)]}}`."""
    seconds = max(1, round(options.seconds))
    for name, way in load.TRANSLATED.items():
        print(f"{name}, {subject.name}", file=sys.stderr)
        file = files["1 KB"].with_name(name.replace(" ", "-"))
        file.write_bytes(way.body("x" * 900))
        whole = load.wrk(subject, load.Asked(file, token, way.path), CONNECTIONS, seconds)
        event_ms, _ = load.sse(subject, token, STREAMS, way)
        of.setdefault("translated", {}).setdefault(name, []).append((whole.cpu_ms, event_ms))


def summary(found, seen):
    """Make one `report.Row` per subject."""
    rows = {}
    for subject in found:
        of = seen[subject.name]
        rows[subject.name] = report.Row(
            name=subject.name,
            base=subject.base,
            rate={size: median(one.rate for one in runs) for size, runs in of["busy"].items()},
            cpu_ms={size: [one.cpu_ms for one in runs] for size, runs in of["busy"].items()},
            p50={size: median(one.p50 for one in runs) for size, runs in of["idle"].items()},
            p99={size: median(one.p99 for one in runs) for size, runs in of["idle"].items()},
            event_ms=of["event_ms"],
            translated={
                name: ([whole for whole, _ in runs], [event for _, event in runs])
                for name, runs in of.get("translated", {}).items()
            },
            resident_mb=load.resident_mb(subject.pid),
        )
    return rows


def main():
    options = arguments()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        files = {name: directory / f"body-{size}" for name, size in SIZES.items()}
        for name, size in SIZES.items():
            files[name].write_bytes(body(size))
        found, tokens = begin(stack, options, directory)
        warm_up(found, tokens, files)
        rows = summary(found, measure(found, tokens, files, options))
    words = report.render(rows, command=" ".join(["python -m bench.run", *sys.argv[1:]]), machine=machine())
    print(words)
    if options.write:
        report.write(subjects.ROOT / "docs" / "benchmarks.md", words)


def machine():
    cpus = subprocess.run(["nproc"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{cpus} CPUs, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
