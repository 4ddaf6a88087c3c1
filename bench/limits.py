"""What limits cost of a request: without any, counted in memory, counted in Redis: `python -m bench.limits`.

Limited means every limit, on the token, its group and that group's parent.

The same road as `bench.road`; each kind in a process of its own, Redis on a Unix socket. CPU time is ours (Redis' own
share is not in it), the best of several rounds.
"""

import argparse
import asyncio
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("off", "memory", "redis")
LIMITS = {
    "max_requests": 10**9,
    "requests_per_minute": 10**9,
    "input_tokens_per_minute": 10**12,
    "output_tokens_per_minute": 10**12,
    "max_parallel_requests": 1000,
    "budget": "9000000000",
    "budget_period": "month",
}
COUNT = 200
ROUNDS = 8


async def measured(headers, size):
    from bench import road  # noqa: PLC0415 - Django is set up by it, after the environment
    from bench.run import SIZES, body  # noqa: PLC0415

    await road.runtime.start()
    house = road.runtime.relay_now()._house
    await house.transport.aclose()
    house.transport._pool = road.Lines()
    house.recorder.record = lambda exchange: None
    road.settle_memory()
    road.ROUNDS = ROUNDS
    count = COUNT if size == "1 KB" else COUNT // 10
    spent = await road.cost(road.application, "/v1/messages", body(SIZES[size]), headers, count)
    await road.runtime.aclose()
    return spent


def one(kind, size):
    from bench import road  # noqa: PLC0415 - as above
    from tokens import group_services  # noqa: PLC0415

    given = {}
    if kind != "off":
        group_services.create("company", **LIMITS)
        group_services.create("team", parent="company", **LIMITS)
        given = {"group": "team", **LIMITS}
    secret = road.tokens.issue(label="bench", **given).secret
    headers = [
        (b"host", b"127.0.0.1:8080"),
        (b"content-type", b"application/json"),
        (b"authorization", b"Bearer " + secret.encode()),
        (b"anthropic-version", b"2023-06-01"),
    ]
    print(asyncio.run(measured(headers, size)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--one", nargs=2, metavar=("KIND", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(*options.one)
        return
    from tests.fakes.redis import RedisServer  # noqa: PLC0415 - only the parent needs it

    server = RedisServer().start()
    sizes = ("1 KB", "100 KB", "1 MB")
    print(f"{'µs of CPU per request':<24}" + "".join(f"{size:>10}" for size in sizes))
    try:
        for kind in KINDS:
            url = server.url if kind == "redis" else ""
            row = []
            for size in sizes:
                command = [sys.executable, "-m", "bench.limits", "--one", kind, size]
                environment = {**os.environ, "REDIS_URL": url}
                done = subprocess.run(
                    command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
                )
                row.append(float(done.stdout.split()[-1]))
            print(f"{kind:<24}" + "".join(f"{spent:>10.1f}" for spent in row))
    finally:
        server.close()


if __name__ == "__main__":
    main()
