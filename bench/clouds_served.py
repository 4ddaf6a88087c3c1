"""Measure what a cloud costs beside Anthropic's API, in CPU of a served gateway: `python -m bench.clouds_served`.

`bench.clouds` measures our own code alone. Here calls come and go on sockets, as an operator pays for them: what the
kernel and the server take for each call is in the figures of both. wrk calls each kind in turn, many rounds over, so
that what else the machine does meets them all alike; the median of a kind's rounds counts. Tokens of Google and Entra
ID are in `bench.clouds` alone.
"""

import argparse
import json
import sys
import tempfile
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench import load, subjects
from bench.cloud_kinds import ACCOUNTS, KINDS, model_of, providers_of, signed_names
from bench.feed import used
from bench.upstream import EVENTS

CONNECTIONS = 8
PAUSE_SECONDS = "0.002"
"""Between two events: streams are over soon, and the gateway still relays each event alone."""


def provide(subject, upstream):
    """Make the rows over the API."""
    kinds = [("providers", row) for row in providers_of(upstream.url)]
    kinds += [("accounts", row) for row in ACCOUNTS if row["source"] == "aws"]
    for kind, row in kinds:
        key = f"Bearer {subject.env['TOKEN_ADMIN_KEY']}"
        headers = {"authorization": key, "content-type": "application/json"}
        asked = urllib.request.Request(f"{subject.url}/api/{kind}", json.dumps(row).encode(), headers)
        urllib.request.urlopen(asked).close()


def body(directory, name, is_stream):
    """Return the file that holds a kind's request."""
    model = load.MESSAGES.model if KINDS.get(name, name) is None else model_of(name)
    request = {"model": model, "max_tokens": 1024, "stream": is_stream}
    request["messages"] = [{"role": "user", "content": "x" * 900}]
    file = Path(directory) / f"{model}-{is_stream}.json"
    file.write_text(json.dumps(request, separators=(",", ":")))
    return file


def spent(subject, asked, seconds):
    """Return the microseconds of the gateway's CPU for each call of one run of wrk."""
    pids = load.processes(subject.pid)
    before = used(pids)
    found = load.wrk(subject, asked, CONNECTIONS, seconds)
    return (used(pids) - before) * 1e6 / found.requests


def measure(subject, token, directory, options):
    """Return the rounds of each kind: calls answered whole, and streams."""
    names = [*KINDS, *(name for name in signed_names() if name.endswith("signed"))]
    found = {name: ([], []) for name in names}
    for _ in range(options.rounds):
        for name, (wholes, streams) in found.items():
            asked = [load.Asked(body(directory, name, is_stream), token) for is_stream in (False, True)]
            wholes.append(spent(subject, asked[0], options.seconds))
            streams.append(spent(subject, asked[1], options.seconds))
    return found


def report(found):
    first = None
    print(f"{'µs of CPU':<26}{'call':>8}{'':>7}{f'stream of {EVENTS}':>16}")
    for name, rounds in found.items():
        mine = [median(each) for each in rounds]
        first = first or mine
        ratios = [one / theirs for one, theirs in zip(mine, first, strict=True)]
        print(f"{name:<26}{mine[0]:>8.0f}{ratios[0]:>6.2f}×{mine[1]:>15.0f}{ratios[1]:>6.2f}×", flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--server", default="uvicorn")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=2, help="of a kind in a round; of its streams as many")
    return parser.parse_args()


def main():
    options = arguments()
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="clouds-bench-"))
        command = [sys.executable, "-m", "bench.upstream"]
        upstream = stack.enter_context(
            subjects.started("upstream", None, command, directory, {"BENCH_PAUSE_SECONDS": PAUSE_SECONDS})
        )
        subject, token = subjects.gateway(stack, options.server, upstream)
        provide(subject, upstream)
        measure(subject, token, directory, argparse.Namespace(rounds=1, seconds=1))  # warm
        report(measure(subject, token, directory, options))


if __name__ == "__main__":
    main()
