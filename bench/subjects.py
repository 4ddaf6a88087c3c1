"""Start what is measured: processes on free ports, all in front of one upstream."""

import os
import re
import secrets
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.upstream import CHAT_MODEL

ROOT = Path(__file__).resolve().parent.parent
LISTENING = re.compile(r"(?i)(?:listening|running) on \D*(?:\d+\.){3}\d+:(\d+)")
START_SECONDS = 60


@dataclass
class Subject:
    name: str
    base: str | None  # the subject that its cost is compared with
    process: subprocess.Popen
    port: int
    env: dict = field(default_factory=dict)  # what it was given beside our own

    @property
    def pid(self):
        return self.process.pid

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def started(name, base, command, cwd, env=None):
    """Run a server; give it once it says where it listens."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **(env or {})}
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    timer = threading.Timer(START_SECONDS, process.kill)
    timer.start()
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if found := LISTENING.search(line):
                break
        else:
            raise SystemExit(f"{name} did not start:\n{''.join(said)}")
        timer.cancel()
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield Subject(name, base, process, int(found[1]), env or {})
    finally:
        timer.cancel()
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def relay(stack, server, upstream, cwd):
    """Start the bare relay on a server set up as ours is."""
    command = [sys.executable, "-m", "bench.relay", server, upstream.url]
    return stack.enter_context(started(f"bare relay, {server}", None, command, cwd))


def stock_relay(stack, server, upstream, cwd):
    """Start the bare relay on the server as it is installed."""
    commands = {
        "uvicorn": [
            "-m",
            "uvicorn",
            "--port",
            "0",
            "--no-access-log",
            "--http",
            "httptools",
            "bench.relay:app",
        ],
        "daphne": ["-m", "daphne", "-b", "127.0.0.1", "-p", "0", "bench.relay:app"],
    }
    name = f"bare relay, stock {server}"
    env = {"BENCH_UPSTREAM": upstream.url}
    return stack.enter_context(started(name, None, [sys.executable, *commands[server]], cwd, env))


def gateway(stack, server, upstream):
    """Start the gateway with everything on; give it and a token for it."""
    directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-bench-"))
    env = {
        "DATA_DIR": directory,
        "ROUTER_HOME": directory,
        "CLAUDE_CODE_HOME": directory,
        "TOKEN_SECRET": secrets.token_hex(32),
        "TOKEN_ADMIN_KEY": secrets.token_hex(16),
        "UPSTREAM_BASE_URL": upstream.url,
        "ANTHROPIC_API_KEY": "sk-ant-bench",
    }
    manage = [sys.executable, str(ROOT / "manage.py")]

    def run(*arguments):
        environment = {**os.environ, **env}
        done = subprocess.run(
            [*manage, *arguments],
            cwd=directory,
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout.strip()

    run("migrate", "--verbosity", "0")
    token = run("tokens", "issue", "--label", "bench")
    row = f"--name bench --base-url {upstream.url}/v1 --api-key sk-bench --models {CHAT_MODEL}".split()
    run("providers", "add", *row)
    command = [*manage, "serve", "--server", server, "--host", "127.0.0.1", "--port", "0"]
    name, base = f"gateway, {server}", f"bare relay, stock {server}"
    return stack.enter_context(started(name, base, command, directory, env)), token
