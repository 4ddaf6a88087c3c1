"""Measure what choosing an account costs, in one process: `python -m bench.pool`.

1, 10 and 1,000 accounts under each strategy with 100,000 live sessions; new and returning sessions,
half on cooldown for one model family, all on cooldown; and the memory that sessions take.
Target: at most 20 µs per choice. Needs no database.
"""

import argparse
import json
import logging
import os
import time
import tracemalloc

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
os.environ.setdefault("TOKEN_SECRET", "bench" * 8)

import django

django.setup()

from accounts.errors import PoolExhausted  # noqa: E402
from accounts.models import Strategy  # noqa: E402
from accounts.pool.lease import Ask  # noqa: E402
from accounts.pool.pool import Pool, PoolOptions  # noqa: E402
from accounts.pool.state import AccountState, Loaded, Terms  # noqa: E402
from providers.drivers.base import Outcome, Scope, Verdict  # noqa: E402
from providers.upstream import Credential, CredentialKind  # noqa: E402

MODEL = "claude-opus-4-7"
OK = Verdict(Outcome.OK)


def make_pool(count, strategy):
    pool = Pool(PoolOptions(strategy=strategy))
    pool.install_states(
        AccountState(
            number,
            Terms(f"a{number}", "anthropic", position=number),
            Loaded(Credential(CredentialKind.API_KEY, f"key-{number}", f"{number:08x}")),
        )
        for number in range(count)
    )
    return pool


def measure(work, items):
    """Return microseconds of CPU per item: what else the machine does stays out."""
    started = time.process_time()
    for item in items:
        work(item)
    return (time.process_time() - started) / len(items) * 1e6


def put_on_cooldown(pool, names, scope):
    for name in names:
        lease = pool.choose(Ask("anthropic", MODEL, None, "t", time.time(), pinned=name))
        pool.report(lease, Verdict(Outcome.RETRY_OTHER, scope, time.time() + 3600, reason="bench"))
        lease.release()


def held_mb(pool, sessions):
    """Return the memory that the pool keeps for live sessions."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for session in sessions:
        pool.choose(Ask("anthropic", MODEL, session, "token", time.time())).release()
    held = (tracemalloc.get_traced_memory()[0] - before) / 1e6
    tracemalloc.stop()
    return held


def run(count, strategy, sessions):
    pool = make_pool(count, strategy)

    def choose(session):
        pool.choose(Ask("anthropic", MODEL, session, "token", time.time()))

    def call(session):
        lease = pool.choose(Ask("anthropic", MODEL, session, "token", time.time()))
        pool.report(lease, OK)
        lease.release()

    result = {
        "accounts": count,
        "strategy": str(strategy),
        "choose, new session, µs": measure(choose, sessions),
        "choose, live session, µs": measure(choose, sessions),
        "choose, no session, µs": measure(choose, [None] * len(sessions)),
        "with report and release, µs": measure(call, sessions),
        "MB for the sessions": held_mb(make_pool(count, strategy), sessions),
    }
    if count > 1:
        put_on_cooldown(pool, [f"a{number}" for number in range(count // 2)], Scope.FAMILY)
        result["half on cooldown, µs"] = measure(call, [f"new-{session}" for session in sessions])
    put_on_cooldown(
        pool, [f"a{number}" for number in range(count // 2 if count > 1 else 0, count)], Scope.ACCOUNT
    )

    def refused(session):
        try:
            pool.choose(Ask("anthropic", MODEL, session, "token", time.time()))
        except PoolExhausted:
            return
        raise AssertionError("an account was chosen although all are on cooldown")

    result["all on cooldown, the first after a change, µs"] = measure(refused, sessions[:1])
    result["all on cooldown, µs"] = measure(refused, sessions[:10_000])
    return result


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    logging.disable()  # a line for every cooldown
    sessions = [f"{number:08x}-session-of-a-coding-client" for number in range(options.sessions)]
    results = [run(count, strategy, sessions) for count in (1, 10, 1000) for strategy in Strategy.values]
    if options.json:
        print(json.dumps(results, indent=2))
        return
    names = list(max(results, key=len))
    print(" | ".join(names))
    for result in results:
        cells = (result.get(name, "") for name in names)
        print(" | ".join(f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells))


if __name__ == "__main__":
    main()
