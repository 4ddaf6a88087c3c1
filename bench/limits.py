"""Measure what limits cost of a request: without any, counted in memory, counted in Redis: `python -m
bench.limits`.

Limited means every limit, on the token, its group and that group's parent. The gateway runs as in
`bench.cpu`, one call after the other; each kind in a process of its own, Redis on a Unix socket. `--write`
puts the table into docs/benchmarks-limits.md. `--pairs 31` compares them call by call in one process instead: good on
a machine that does other things too.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from gateway.kernel.principal import COMMAND_LINE

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("off", "budget", "person", "memory", "redis")
SIZES = ("1 KB", "100 KB", "1 MB")
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
INTRODUCTION = """# Benchmarks: limits

This page shows what counting limits costs one process. Every kind of limit is set (requests; requests, input tokens
and output tokens per minute; parallel calls; a monthly budget) three times over: on the token, on its group, and on
that group's parent. There is no server and no socket but the one to Redis. Calls come one after the other, so
nothing is written in batches: this is the dearest case for Redis.

"A budget alone" is the usual limit: money per month on the token, in memory. "A person's cap" is that of somebody
who signed in, whose answers show what is spent.

- **CPU** is user and system time of our process per request, in the best round. "Off" is what the relay costs
  without limits.
- **Redis' own** is the CPU time that Redis reports for itself (`INFO cpu`), per request, over all rounds.
- **Reads** is how often Redis read from a socket, per request (`total_reads_processed`). There are two round trips
  at most: the reservation, which the call waits for, and the settling, which it does not. It is less than two where
  several settlings were written together.
"""


def spent_by(client):
    """Return (µs of CPU, reads) of Redis so far."""
    found = client.info()
    return (found["used_cpu_user"] + found["used_cpu_sys"]) * 1e6, found["total_reads_processed"]


async def measured(headers, size, rounds):
    from bench import in_process  # noqa: PLC0415 - Django is set up by it, after the environment
    from bench.run import SIZES, body  # noqa: PLC0415

    runtime, application = await in_process.started()
    count = COUNT if size == "1 KB" else COUNT // 10
    sent = in_process.Post("/v1/messages", body(SIZES[size]), headers)
    await in_process.cost(application, sent, count, 1)  # balances are read, scripts loaded
    before = redis_now()
    spent = await in_process.cost(application, sent, count, rounds)
    per_call = [(now - then) / (count * rounds) for now, then in zip(redis_now(), before, strict=True)]
    await runtime.aclose()
    return {"cpu": spent, "redis_cpu": per_call[0], "reads": per_call[1]}


def redis_now():
    if not os.environ["REDIS_URL"]:
        return 0.0, 0
    from redis import Redis  # noqa: PLC0415 - only where it is used

    with Redis.from_url(os.environ["REDIS_URL"]) as client:
        return spent_by(client)


def one(kind, size, rounds):
    from bench import in_process  # noqa: PLC0415 - as above
    from tokens.groups import services  # noqa: PLC0415

    given = {}
    if kind == "budget":
        given = {name: LIMITS[name] for name in ("budget", "budget_period")}
    elif kind == "person":
        signed_in = in_process.signed_in(**{name: LIMITS[name] for name in ("budget", "budget_period")})
        print(json.dumps(asyncio.run(measured(signed_in, size, rounds))))
        return
    elif kind != "off":
        services.create("company", **LIMITS, principal=COMMAND_LINE)
        services.create("team", parent="company", **LIMITS, principal=COMMAND_LINE)
        given = {"group": "team", **LIMITS}
    print(json.dumps(asyncio.run(measured(in_process.authorized(**given), size, rounds))))


async def compared(headers, size, count):
    """Print what each kind costs beside "off": the median over pairs that follow each other in one process."""
    from bench import in_process  # noqa: PLC0415 - as above
    from bench.run import SIZES, body  # noqa: PLC0415

    runtime, application = await in_process.started()
    calls = 100 if size == "1 KB" else 25
    sent = {kind: in_process.Post("/v1/messages", body(SIZES[size]), own) for kind, own in headers.items()}
    for post in sent.values():
        await in_process.cost(application, post, calls, 1)  # balances are read
    found = {kind: [] for kind in sent}
    for _ in range(count):
        for kind, post in sent.items():
            found[kind].append(await in_process.cost(application, post, calls, 1))
    for kind, costs in found.items():
        ratio = median(mine / off for mine, off in zip(costs, found["off"], strict=True))
        print(f"{size:<8}{kind:<8}{median(costs):>8.1f} µs{ratio:>7.2f}×")
    await runtime.aclose()


def pairs(count):
    os.environ["REDIS_URL"] = ""
    from bench import in_process  # noqa: PLC0415 - as above
    from tokens.groups import services  # noqa: PLC0415

    services.create("company", **LIMITS, principal=COMMAND_LINE)
    services.create("team", parent="company", **LIMITS, principal=COMMAND_LINE)
    budget = {name: LIMITS[name] for name in ("budget", "budget_period")}
    headers = {
        "off": in_process.authorized(),
        "budget": in_process.authorized(**budget),
        "person": in_process.signed_in(**budget),
        "memory": in_process.authorized(group="team", **LIMITS),
    }
    for size in SIZES:
        asyncio.run(compared(headers, size, count))


def in_a_process(kind, size, rounds, url):
    command = [sys.executable, "-m", "bench.limits", "--one", kind, size, "--rounds", str(rounds)]
    environment = {**os.environ, "REDIS_URL": url if kind == "redis" else ""}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    if "redis is away" in done.stderr:
        raise SystemExit(
            f"{kind}, {size}: Redis did not answer in time; the machine is too busy to measure on"
        )
    return json.loads(done.stdout.splitlines()[-1])


def render(found, rounds):
    from bench.report import table  # noqa: PLC0415 - after the environment, as `bench.run`
    from bench.run import machine  # noqa: PLC0415

    names = {
        "off": "off",
        "budget": "a budget alone",
        "person": "a person's cap",
        "memory": "in memory",
        "redis": "in Redis",
    }
    lines = []
    for kind in KINDS:
        cells = [f"{found[kind, size]['cpu']:.0f}" for size in SIZES]
        more = [f"{found[kind, size]['cpu'] - found['off', size]['cpu']:+.0f}" for size in SIZES]
        lines.append([names[kind], *cells, *([""] * 3 if kind == "off" else more)])
    header = ["µs of CPU per request", *SIZES, *[f"{size}, over off" for size in SIZES]]
    small = found["redis", SIZES[0]]
    made = f"Made by `python -m bench.limits --rounds {rounds} --write` on {datetime.now(UTC):%Y-%m-%d}: {machine()}."
    redis = f"Redis' own, at {SIZES[0]}: {small['redis_cpu']:.0f} µs of CPU and {small['reads']:.2f} reads per request."
    return "\n\n".join([made, table(header, lines), redis])


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks-limits.md")
    parser.add_argument(
        "--pairs", type=int, metavar="N", help="compare kinds in one process, in N pairs, and end"
    )
    parser.add_argument("--one", nargs=2, metavar=("KIND", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pairs:
        pairs(options.pairs)
        return
    if options.one:
        one(*options.one, options.rounds)
        return
    from tests.fakes.redis import RedisServer  # noqa: PLC0415 - only the parent needs it

    server = RedisServer().start()
    try:
        found = {}
        for size in SIZES:
            for kind in KINDS:
                found[kind, size] = in_a_process(kind, size, options.rounds, server.url)
                print(f"{kind}, {size}: {found[kind, size]['cpu']:.0f} µs", file=sys.stderr)
    finally:
        server.close()
    words = render(found, options.rounds)
    print(words)
    if options.write:
        (ROOT / "docs" / "benchmarks-limits.md").write_text(INTRODUCTION + "\n" + words + "\n")


if __name__ == "__main__":
    main()
