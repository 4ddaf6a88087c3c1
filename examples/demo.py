"""Show the gateway at work without any account: `make demo`.

Starts a stand-in for the vendor's API (examples/fake_vendor.py) and a gateway in front of it, both on
free ports with a throw-away data directory; issues a token; streams one answer to the terminal.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx
import msgspec

ROOT = Path(__file__).resolve().parent.parent
MANAGE = [sys.executable, str(ROOT / "manage.py")]
LISTENING = re.compile(r"(?i)listening on \S*?:(\d+)")
START_SECONDS = 60


class Delta(msgspec.Struct):
    """The piece of an answer that one event carries."""

    text: str = ""


class Event(msgspec.Struct):
    """As much of an event as is printed."""

    type: str
    delta: Delta = msgspec.field(default_factory=Delta)


def environment(directory: Path, vendor_url: str) -> dict[str, str]:
    """Return the gateway's settings. Nothing of a `.env` is read: it runs in the throw-away directory."""
    return {
        **os.environ,
        "ROUTER_HOME": str(directory),
        "DATA_DIR": str(directory / "data"),
        "CLAUDE_CODE_HOME": str(directory / "no-claude"),
        "TOKEN_SECRET": secrets.token_hex(32),
        "TOKEN_ADMIN_KEY": secrets.token_hex(16),
        "UPSTREAM_BASE_URL": vendor_url,
        "ANTHROPIC_API_KEY": "sk-ant-demo-" + secrets.token_hex(8),
    }


@contextlib.contextmanager
def started(command: list[str], directory: Path, env: dict[str, str]) -> Iterator[str]:
    """Run the server `command`; give its URL once it says that it listens; end it at the end."""
    process = subprocess.Popen(
        command, cwd=directory, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    timer = threading.Timer(START_SECONDS, process.kill)
    timer.start()
    try:
        assert process.stdout is not None
        yield wait_for_url(process.stdout, timer)
    finally:
        timer.cancel()
        process.terminate()
        process.wait(15)


def wait_for_url(output: IO[str], timer: threading.Timer) -> str:
    said = []
    for line in output:
        said.append(line)
        if found := LISTENING.search(line):
            timer.cancel()
            threading.Thread(target=output.read, daemon=True).start()  # or its pipe would fill up
            return f"http://127.0.0.1:{found[1]}"
    raise SystemExit("did not start:\n" + "".join(said))


def manage(directory: Path, env: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [*MANAGE, *arguments], cwd=directory, env=env, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


def ask(gateway_url: str, token: str, question: str) -> None:
    """Stream one answer to the terminal."""
    body = {
        "model": "claude-sonnet-5-5",
        "max_tokens": 1024,
        "stream": True,
        "messages": [{"role": "user", "content": question}],
    }
    headers = {"authorization": f"Bearer {token}", "anthropic-version": "2023-06-01"}
    decode = msgspec.json.Decoder(Event).decode
    with httpx.stream(
        "POST", f"{gateway_url}/v1/messages", json=body, headers=headers, timeout=60, trust_env=False
    ) as answer:
        if answer.status_code != 200:
            raise SystemExit(f"{answer.status_code}: {answer.read().decode()}")
        for line in answer.iter_lines():
            if line.startswith("data: "):
                print(decode(line.removeprefix("data: ")).delta.text, end="", flush=True)
    print()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    arguments.add_argument("question", nargs="?", default="Does it stream?")
    arguments.add_argument("--server", choices=["daphne", "uvicorn"], default="daphne")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="gateway-demo-") as name, contextlib.ExitStack() as stack:
        directory = Path(name)
        stand_in = [sys.executable, str(ROOT / "examples" / "fake_vendor.py")]
        vendor_url = stack.enter_context(started(stand_in, directory, dict(os.environ)))
        print(f"stand-in for the vendor  {vendor_url}")
        env = environment(directory, vendor_url)
        manage(directory, env, "migrate", "--verbosity", "0")
        serve = [*MANAGE, "serve", "--server", options.server, "--host", "127.0.0.1", "--port", "0"]
        gateway_url = stack.enter_context(started(serve, directory, env))
        print(f"gateway on {options.server:<13} {gateway_url}")
        token = manage(directory, env, "tokens", "issue", "--label", "demo", "--ttl-hours", "1")
        print(f"token for the client     {token[:18]}…\n")
        ask(gateway_url, token, options.question)
        print("\nPoint your own client at a gateway the same way; README.md says how.")


if __name__ == "__main__":
    main()
