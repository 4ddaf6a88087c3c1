"""Serve the bare relay that the gateway is measured against: no token, account, limits, usage or errors.

`python -m bench.relay daphne|uvicorn UPSTREAM_URL` serves it as `manage.py serve` serves the gateway; with
`stock-daphne` and `stock-uvicorn` the servers' own command lines do (upstream in BENCH_UPSTREAM).
"""

import os
import sys
from functools import lru_cache

import aiohttp

from gateway.servers.options import ServeOptions
from gateway.servers.runner import run

UPSTREAM = os.environ.get("BENCH_UPSTREAM", "")


@lru_cache
def session():
    return aiohttp.ClientSession(auto_decompress=False, connector=aiohttp.TCPConnector(limit=0))


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = [("content-type", "application/json"), ("x-api-key", "bench")]
    async with session().post(UPSTREAM + scope["path"], data=body, headers=headers) as answer:
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.raw_headers})
        async for chunk in answer.content.iter_any():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def announce(address):
    print(f"listening on {address}", flush=True)


def main():
    global UPSTREAM
    server, UPSTREAM = sys.argv[1:]
    sys.exit(run(server, app, ServeOptions(port=0, on_listening=announce)))


if __name__ == "__main__":
    main()
