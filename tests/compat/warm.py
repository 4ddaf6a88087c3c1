"""Run our program in processes that are forked from one that has imported its libraries already.

The sides are compared some seven hundred times, and each start of ours would import the same libraries anew: that was
most of what `make compat` took. Nothing of ours is imported beforehand, and nothing that reads a setting: all of that
happens in the process that is forked, which has arguments, environment, folder and files of its own.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from dataclasses import dataclass
from os import _exit as end_at_once
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from tests.harness import ROOT

OURS = ("gateway", "tokens", "accounts", "providers", "forgefed", "tests", "manage", "__main__")
MOST_SECONDS = 300.0
"""Nothing may take so long."""
ENTRIES = {"reference": "reference_main", "manage": "manage_main"}


@dataclass(frozen=True)
class Start:
    """One process: which entry of the program, with what. `files`: standard input, output and error."""

    entry: str
    arguments: list[str]
    folder: Path
    environment: dict[str, str]
    files: tuple[Path, Path, Path]


class Ended(NamedTuple):
    """How a process ended, and what it said."""

    status: int
    out: str
    err: str


class Forked:
    """A process of ours, as far as `subprocess.Popen` is needed."""

    returncode: int | None = None

    def __init__(self, parent: Warm, start: Start) -> None:
        self._parent = parent
        told = {
            "entry": start.entry, "arguments": start.arguments, "folder": str(start.folder),
            "environment": start.environment, "files": [str(file) for file in start.files],
        }  # fmt: skip
        self.pid = int(parent.ask(told))
        self._ended = threading.Event()
        threading.Thread(target=self._await, daemon=True).start()

    def _await(self) -> None:
        """Take the status when it comes: the parent has nothing else to say until then."""
        line = self._parent.line()
        self.returncode = int(line) if line else -signal.SIGKILL
        self._ended.set()

    def poll(self) -> int | None:
        return self.returncode if self._ended.is_set() else None

    def wait(self, timeout: float | None = None) -> int:
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("forked", timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Warm:
    """The parent of forked processes, one at a time; each thread has one."""

    def __init__(self) -> None:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.compat.warm"],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, told: dict[str, Any]) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        return self.line()

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def start(self, start: Start) -> Forked:
        return Forked(self, start)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


_of_thread = threading.local()
_all: list[Warm] = []


def start(given: Start) -> Forked:
    """Start a process of ours. A thread may have one at a time."""
    if not hasattr(_of_thread, "warm"):
        _of_thread.warm = Warm()
        _all.append(_of_thread.warm)
    warm: Warm = _of_thread.warm
    return warm.start(given)


def run(entry: str, arguments: list[str], folder: Path, environment: dict[str, str]) -> Ended:
    """Run one to its end, with nothing on standard input."""
    files = (folder / "stdin", folder / "stdout", folder / "stderr")
    files[0].write_bytes(b"")
    status = start(Start(entry, arguments, folder, environment, files)).wait(MOST_SECONDS)
    return Ended(status, *(file.read_text(errors="replace") for file in files[1:]))


def close() -> None:
    """End the parents of all threads."""
    while _all:
        _all.pop().close()


# --- in the parent ------------------------------------------------------------------------------------------


def main() -> None:
    """Fork what standard input asks for, a line of JSON each; say its id, then its status."""
    _import_libraries()
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        told = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(told)
        print(pid, flush=True)
        _end_with_whoever_asks(pid)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def _end_with_whoever_asks(pid: int) -> None:
    """Wait until the process ends; end it when standard input does, which says nothing else meanwhile."""
    watched = os.pidfd_open(pid)
    readable, _, _ = select.select([sys.stdin.fileno(), watched], [], [])
    os.close(watched)
    if watched not in readable:
        os.kill(pid, signal.SIGKILL)


def _import_libraries() -> None:
    """Import what `doctor` and `serve` import of others; what wants Django's settings first is left to the forked."""
    code = (
        "import os, sys; os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'gateway.settings'); import django; "
        "django.setup(); import gateway.urls, gateway.asgi, gateway.servers.runner, uvicorn, gateway.console.doctor; "
        "import gateway.management.commands.doctor, gateway.management.commands.serve; print(*sys.modules)"
    )
    environment = {**os.environ, "TOKEN_SECRET": "x" * 40, "DATA_DIR": "/nonexistent"}
    probe = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    told, sys.unraisablehook = sys.unraisablehook, lambda problem: None
    for name in probe.stdout.split():
        if name.partition(".")[0] not in OURS:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    sys.unraisablehook = told


def _become(told: dict[str, Any]) -> NoReturn:
    """Be the process that was asked for, and end as an interpreter does."""
    status = 1
    try:
        for number, (name, flags) in enumerate(
            zip(told["files"], (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)
        ):
            opened = os.open(name, flags | (os.O_CREAT | os.O_TRUNC | os.O_APPEND if flags else 0), 0o600)
            os.dup2(opened, number)
            os.close(opened)
        os.chdir(told["folder"])
        os.environ.clear()
        os.environ.update(told["environment"])
        sys.argv = ["-c", *told["arguments"]]
        program = importlib.import_module("gateway.management.program")
        getattr(program, ENTRIES[told["entry"]])(told["arguments"])
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - an interpreter ends so, too
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        end_at_once(status)


if __name__ == "__main__":
    main()
