"""Measure the CPU that our own code takes of a request, without a server or sockets: `python -m bench.cpu`.

CPU time, the best of several rounds, so that what else the machine does stays out: good for telling whether a
change pays. `--profile messages` shows where the time goes.
"""

import argparse
import asyncio
import cProfile
import json
import pstats
import sys
import time

import bench.relay
from bench.in_process import Post, authorized, call, cost, started
from bench.run import SIZES, body
from bench.upstream import CHAT_MODEL, EVENTS
from gateway.exchange.exchange import Exchange
from gateway.kernel.principal import COMMAND_LINE
from gateway.telemetry import request_ids
from gateway.usage import services as usage
from gateway.usage.tidy import tidy
from providers import services as providers
from providers.dialects.types import Usage

ROUNDS = 40


def small(model, stream):
    request = {"model": model, "max_tokens": 1024, "messages": [{"role": "user", "content": "x" * 900}]}
    return json.dumps({"stream": True, **request} if stream else request, separators=(",", ":")).encode()


def responses(model, stream):
    request = {"model": model, "max_output_tokens": 1024, "store": False, "input": "x" * 900}
    return json.dumps({"stream": True, **request} if stream else request, separators=(",", ":")).encode()


CLAUDE = "claude-sonnet-5-5"
SURFACES = {
    "messages": ("/v1/messages", small, CLAUDE),
    "messages over chat": ("/v1/messages", small, CHAT_MODEL),
    "chat": ("/v1/chat/completions", small, CHAT_MODEL),
    "chat over messages": ("/v1/chat/completions", small, CLAUDE),
    "responses over messages": ("/v1/responses", responses, CLAUDE),
    "responses over chat": ("/v1/responses", responses, CHAT_MODEL),
}


async def measure(application, headers, only):
    print(f"{'µs of CPU':<26}{'1 KB':>8}{'per event':>11}")
    if only:
        await row(only, application, SURFACES[only], headers)
        return
    for name, app in (("bare relay", bench.relay.app), ("messages", application)):
        for size in SIZES:
            count = 300 if size == "1 KB" else 30
            sent = Post("/v1/messages", body(SIZES[size]), headers)
            spent = await cost(app, sent, count, ROUNDS)
            print(f"{name + ', ' + size:<26}{spent:>8.1f}")
    await row("bare relay", bench.relay.app, SURFACES["messages"], headers)
    for name, surface in SURFACES.items():
        await row(name, application, surface, headers)


async def row(name, app, surface, headers):
    path, make, model = surface
    whole = await cost(app, Post(path, make(model, False), headers), 200, ROUNDS)
    stream = await cost(app, Post(path, make(model, True), headers), 10, ROUNDS)
    print(f"{name:<26}{whole:>8.1f}{(stream - whole) / EVENTS:>11.2f}")


async def profile(application, headers, name, stream):
    path, make, model = SURFACES[name]
    sent = Post(path, make(model, stream), headers)
    for _ in range(200):
        await call(application, sent)
    seen = cProfile.Profile()
    seen.enable()
    for _ in range(200 if stream else 5000):
        await call(application, sent)
    seen.disable()
    pstats.Stats(seen, stream=sys.stdout).sort_stats("tottime").print_stats(45)


def exchange():
    return Exchange(
        id=request_ids.request_id(),
        started_at=time.time(),
        surface="messages",
        method="POST",
        path="/v1/messages",
        peer="127.0.0.1",
        token_id="550e8400-e29b-41d4-a716-446655440000",
        token_label="bench",
        ledger_id="550e8400-e29b-41d4-a716-446655440000",
        provider="anthropic",
        account="api-key",
        model_asked=CLAUDE,
        model_served=CLAUDE,
        status=200,
        upstream_status=200,
        is_sent=True,
        usage=Usage(12, 2048, 0, 0, 210),
        attempts=1,
        first_byte_seconds=0.01,
        total_seconds=0.01,
    )


def rows(is_profile):
    """Print the writer's share, in the batches in which a busy process writes."""
    best = float("inf")
    seen = cProfile.Profile()
    for number in range(ROUNDS):
        batch = [exchange() for _ in range(500)]
        if is_profile and number >= ROUNDS // 2:
            seen.enable()
        began = time.process_time()
        usage.write([tidy(each) for each in batch])
        best = min(best, (time.process_time() - began) / len(batch) * 1e6)
        seen.disable()
    print(f"{'usage row':<26}{best:>8.1f}")
    if is_profile:
        pstats.Stats(seen, stream=sys.stdout).sort_stats("tottime").print_stats(25)


async def drive(options, headers):
    runtime, application = await started()
    if options.profile:
        await profile(application, headers, options.profile, options.stream)
    else:
        await measure(application, headers, options.only)
    await runtime.aclose()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=[*SURFACES, "rows"])
    parser.add_argument("--profile", choices=[*SURFACES, "rows"])
    parser.add_argument("--stream", action="store_true", help="with --profile: of streamed answers")
    options = parser.parse_args()
    providers.upsert(
        {
            "name": "vendor",
            "kind": "openai-compatible",
            "base_url": "http://127.0.0.1:9/v1",
            "models": [CHAT_MODEL],
            "responses": "translate",
            "api_key": "sk-bench",
        },
        principal=COMMAND_LINE,
    )
    headers = authorized()
    if "rows" not in (options.profile, options.only):
        asyncio.run(drive(options, headers))
    if {options.profile, options.only} <= {None, "rows"}:
        rows(options.profile == "rows")


if __name__ == "__main__":
    main()
