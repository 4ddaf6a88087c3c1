"""Measure the console, one's own pages, the admin's lists and the API over many rows: `python -m bench.console`.

Rows are made once, in `--data` or in the PostgreSQL of DATABASE_URL, and used again. The real server is asked for
every page, `--rounds` times in turn: queries (the most of all rounds), median and 95th percentile, and the CPU of the
server and of the database for each request, which tells more where the machine has other things to do. Then bytes of
a first visit, the memory that a month's CSV takes, and how long calls take meanwhile.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import httpx

from bench import load, subjects
from bench.report import table
from gateway.telemetry.request_ids import HEADER

MOST_QUERIES, MOST_MS, MOST_BYTES, MOST_CSV_MB = 12, 200, 300_000, 50
CSV = "/api/usage?month={month}&by=token,model,day&format=csv"
LINKED = re.compile(r'<(?:link[^>]* href|script[^>]* src|img[^>]* src)="(/[^"]+)"')
KEYS = {
    "TOKEN_SECRET": "of-the-bench-of-the-console-0123456789",
    "TOKEN_ADMIN_KEY": "of-the-bench-0123456789",
}
CALLS_SECONDS, PAUSE_SECONDS = 10, 0.02
ONLY_A_FORM = (302, 405)
"""Answers of paths that take a form alone: they lead to its page, or refuse to be looked at."""


def arguments():
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=100_000, help="rows of calls, when there are none yet")
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--data", default="", help="a directory that keeps the rows; else they go at the end")
    parser.add_argument("--only", default="", help="pages whose address begins so")
    parser.add_argument("--server", default="uvicorn")
    parser.add_argument("--database-pid", type=int, help="of PostgreSQL, whose CPU is counted then")
    return parser.parse_args()


def inside(env, words):
    """Run some lines where Django is set up; return what they print."""
    program = f"import django, json; django.setup(); from bench import console_rows, console_pages; {words}"
    env = {
        **os.environ,
        **env,
        "DJANGO_SETTINGS_MODULE": "gateway.settings",
        "PYTHONPATH": str(subjects.ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def prepare(env, options):
    """Make the rows, where there are none."""
    manage = [sys.executable, str(subjects.ROOT / "manage.py"), "migrate", "--verbosity", "0"]
    subprocess.run(manage, env={**os.environ, **env}, check=True)
    made = inside(env, f"console_rows.fill_once({options.calls}, {options.days}, {options.people})")
    print(made, file=sys.stderr)
    return json.loads(inside(env, "print(json.dumps(console_rows.cookies()))"))


class Site:
    """The server, asked as people's browsers ask it."""

    def __init__(self, subject, cookies, database_pid):
        self.subject, self.cookies = subject, cookies
        self._database_pid = database_pid
        self.client = httpx.Client(base_url=subject.url, timeout=120)
        self.asked = {}  # by request id: the address

    def cpu_seconds(self):
        found = load.cpu_seconds(self.subject.pid)
        return found + (load.cpu_seconds(self._database_pid) if self._database_pid else 0)

    def get(self, address, role="admin"):
        headers = {"cookie": f"sessionid={self.cookies[role]}", "accept": "text/html, application/json"}
        answer = self.client.get(address, headers=headers)
        self.asked[answer.headers.get(HEADER.decode(), "")] = address
        if answer.status_code not in (200, *ONLY_A_FORM):
            raise SystemExit(f"{address}: {answer.status_code} {answer.text[:200]}")
        return answer

    def first_visit(self, address):
        """Return the bytes of a page and of all that it links to."""
        answer = self.get(address)
        total = answer.num_bytes_downloaded
        for linked in sorted(set(LINKED.findall(answer.text))):
            total += self.client.get(linked).num_bytes_downloaded
        return total


def measure(site, addresses, rounds):
    """Return (address, p50, p95, CPU) of each, in ms."""
    found = []
    for address, role in addresses:
        if site.get(address, role).status_code in ONLY_A_FORM:
            continue
        times, before = [], site.cpu_seconds()
        for _ in range(rounds):
            began = time.perf_counter()
            site.get(address, role)
            times.append((time.perf_counter() - began) * 1000)
        cpu = (site.cpu_seconds() - before) * 1000 / rounds
        times.sort()
        found.append((address, median(times), times[max(0, -(-95 * len(times) // 100) - 1)], cpu))
        print(f"{cpu:7.1f} ms CPU {times[-1]:8.1f} ms at most  {address}", file=sys.stderr)
    return found


def csv(site):
    """Return what a month's CSV takes: bytes, MB that the server grows by at most, seconds to the first byte."""
    before, peak, is_over = load.resident_mb(site.subject.pid), [0.0], threading.Event()

    def watch():
        while not is_over.wait(0.005):
            peak[0] = max(peak[0], load.resident_mb(site.subject.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    headers = {"cookie": f"sessionid={site.cookies['admin']}"}
    began, first, size = time.perf_counter(), 0.0, 0
    with site.client.stream("GET", CSV.format(month=time.strftime("%Y-%m")), headers=headers) as answer:
        answer.raise_for_status()
        for piece in answer.iter_raw():
            first = first or time.perf_counter() - began
            size += len(piece)
    is_over.set()
    watcher.join()
    return size, max(0.0, peak[0] - before), first


def calls(subject, token):
    """Make calls one after the other for a while; return the median and the 99th percentile, in ms."""
    body = load.MESSAGES.body("hi")
    headers = {"authorization": f"Bearer {token}", "anthropic-version": "2023-06-01"}
    times, until = [], time.monotonic() + CALLS_SECONDS
    with httpx.Client(base_url=subject.url, timeout=30) as client:
        while time.monotonic() < until:
            began = time.perf_counter()
            client.post("/v1/messages", content=body, headers=headers).raise_for_status()
            times.append((time.perf_counter() - began) * 1000)
            time.sleep(PAUSE_SECONDS)
    times.sort()
    return median(times), times[int(len(times) * 0.99)]


def calls_beside(site, token, addresses):
    """Make calls while somebody looks at page after page."""
    is_over = threading.Event()

    def look():
        with httpx.Client(base_url=site.subject.url, timeout=120) as client:
            while not is_over.is_set():
                for address, role in addresses:
                    client.get(address, headers={"cookie": f"sessionid={site.cookies[role]}"})
                    if is_over.wait(0.1):
                        return

    looking = threading.Thread(target=look)
    looking.start()
    try:
        return calls(site.subject, token)
    finally:
        is_over.set()
        looking.join()


def roles_of(addresses):
    """Return who asks for what: an admin for everything, others for pages of their own."""
    found = [(address, "admin") for address in addresses]
    return [*found, ("/console/", "viewer"), ("/me/", "developer"), ("/me/", "viewer")]


def main():
    options = arguments()
    with ExitStack() as stack:
        data = options.data or stack.enter_context(tempfile.TemporaryDirectory(prefix="console-bench-"))
        queries = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "queries.json"
        vendor = stack.enter_context(
            subjects.started("upstream", None, [sys.executable, "-m", "bench.upstream"], data)
        )
        env = {**KEYS, "DATA_DIR": data, "CLAUDE_CODE_HOME": data, "UPSTREAM_BASE_URL": vendor.url,
               "ANTHROPIC_API_KEY": "sk-ant-bench", "BENCH_QUERIES": str(queries), "MPP_ENABLE": "false"}  # fmt: skip
        cookies = prepare(env, options)
        token = inside(env, "console_rows.issue()").strip()
        command = [sys.executable, "-m", "bench.console_server", "serve", "--server", options.server,
                   "--host", "127.0.0.1", "--port", "0"]  # fmt: skip
        with subjects.started("gateway", None, command, data, env) as subject:
            site = Site(subject, cookies, options.database_pid)
            addresses = json.loads(inside(env, "print(json.dumps(console_pages.everything()))"))
            chosen = [each for each in roles_of(addresses) if each[0].startswith(options.only)]
            alone = calls(subject, token)
            found = measure(site, chosen, options.rounds)
            beside = calls_beside(site, token, chosen)
            visits = {page: site.first_visit(page) for page in ("/console/", "/me/", "/admin/")}
            exported = csv(site)
        counted = json.loads(queries.read_text())
    report(found, most_queries(site, counted), visits, (exported, alone, beside))


def most_queries(site, counted):
    found = {}
    for request_id, address in site.asked.items():
        found[address] = max(found.get(address, 0), counted.get(request_id, 0))
    return found


def report(found, queries, visits, others):
    lines = [
        [f"`{address}`", str(queries[address]), f"{p50:.0f}", f"{p95:.0f}", f"{cpu:.0f}"]
        for address, p50, p95, cpu in sorted(found, key=lambda row: -row[3])
    ]
    print(table(["page", "queries", "p50, ms", "p95, ms", "CPU, ms"], lines))
    over = [row[0] for row in found if queries[row[0]] > MOST_QUERIES or row[3] > MOST_MS]
    print(
        f"\nOver {MOST_QUERIES} queries or {MOST_MS} ms of CPU: {', '.join(over) or 'none'} of {len(found)}"
    )
    print(f"Over {MOST_MS} ms at p95: {', '.join(row[0] for row in found if row[2] > MOST_MS) or 'none'}")
    for page, size in visits.items():
        print(f"First visit of {page}: {size:,} bytes (at most {MOST_BYTES:,})")
    (size, grown, first), alone, beside = others
    print(f"A month's CSV: {size:,} bytes, {grown:.1f} of {MOST_CSV_MB} MB, first byte after {first:.2f} s")
    for name, (p50, p99) in (("alone", alone), ("beside pages", beside)):
        print(f"/v1/messages {name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms")


if __name__ == "__main__":
    main()
