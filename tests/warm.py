"""Start our programs in processes that are forked from one that has imported most of what they need already.

The tests start gateways and commands hundreds of times, and each would import the same modules anew: that was most of
what a start costs. Gateways, and commands with all our apps, come from a process in which Django is set up
(`warm_django.py`). All others come from one that has imported libraries alone, nothing that reads a setting. What is
forked has arguments, environment, folder and files of its own, loads its settings itself, and ends as an interpreter
does. What changes an interpreter before its first line (`PYTHON…`, `LD_…`, a module path) starts one of its own.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, Never, TextIO

from django.conf import settings

from tests import warm_django

ROOT = Path(__file__).resolve().parent.parent
NOT_BEFORE = ("gateway.settings", "gateway.asgi", "gateway.urls", "gateway.management.program")
"""They read the settings, or say where these are."""
SAME_AT_START = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
"""Of the variables that an interpreter reads when it starts, those that the parent has, too."""
READ_AT_START = ("PYTHON", "LD_", "MALLOC_", "COVERAGE_")
FILES = 4
"""Standard input, output and error, and where the status goes."""


class Ended(NamedTuple):
    """How a program ended, and what it said."""

    status: int
    out: str
    err: str


class Forked:
    """A process of ours, as far as `subprocess.Popen` is needed."""

    def __init__(self, pid: int, status: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status = status
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Return its exit status once there is one, negative for a signal."""
        with self._lock:
            if self.returncode is None and self._ends_within(0):
                said = os.read(self._status, 16)
                self.returncode = (
                    int(said) if said else -signal.SIGKILL
                )  # the parent was killed, and it with it
                os.close(self._status)
        return self.returncode

    def _ends_within(self, seconds: float | None) -> bool:
        watched = select.poll()  # a test may have thousands of files open
        watched.register(self._status, select.POLLIN)
        return bool(watched.poll(None if seconds is None else seconds * 1000))

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit status; raises `subprocess.TimeoutExpired` after `timeout` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self._ends_within(left)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


Process = subprocess.Popen[bytes] | Forked


def start(
    arguments: Sequence[str],
    folder: Path,
    environment: dict[str, str],
    out: IO[bytes],
    err: IO[bytes] | None = None,
    given: IO[bytes] | None = None,
) -> Process:
    """Start Python with these arguments: a file, `-m` and a module, or `-c` and code, then the program's own.

    `out` and `err` are its standard output and error, without `err` the same; `given` is what it reads on
    standard input, else nothing.
    """
    with contextlib.ExitStack() as stack:
        read = given or stack.enter_context(Path(os.devnull).open("rb"))
        if _starts_alike(environment):
            parent = _parent(sets_up=_sets_up(arguments, environment))
            return parent.fork(arguments, folder, environment, (read, out, err or out))
        command = [sys.executable, *arguments]
        return subprocess.Popen(
            command, cwd=folder, env=environment, stdin=read, stdout=out, stderr=err or out
        )


class Talk(NamedTuple):
    """A program that is told lines and says lines."""

    process: Process
    tell: TextIO
    said: TextIO

    def ask(self, line: str) -> str:
        """Tell it a line; return its next one."""
        self.tell.write(line + "\n")
        self.tell.flush()
        return self.said.readline()

    def close(self) -> None:
        """Kill it, if it has not ended."""
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(BrokenPipeError):
            self.tell.close()
        self.said.close()


def talk(arguments: Sequence[str], folder: Path, environment: dict[str, str]) -> Talk:
    """Start a program to talk with; what it complains of goes where our own complaints go."""
    given, tell = os.pipe()
    said, out = os.pipe()
    with open(given, "rb") as reads, open(out, "wb") as says, open(os.dup(2), "wb") as complains:
        process = start(arguments, folder, environment, says, complains, reads)
    return Talk(process, open(tell, "w", encoding="utf-8"), open(said, encoding="utf-8"))


@contextlib.contextmanager
def for_shells(folder: Path) -> Iterator[list[str]]:
    """Give the beginning of a command: with Python's arguments behind it, it runs a program as `start` does."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "socket"))
        listening.listen()
        threading.Thread(target=_serve, args=(listening,), daemon=True).start()
        yield [sys.executable, "-I", "-S", str(ROOT / "tests" / "warm_client.py"), str(folder / "socket")]
        listening.shutdown(socket.SHUT_RDWR)


def _serve(listening: socket.socket) -> None:
    while True:
        try:
            link, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_serve_one, args=(link,), daemon=True).start()


def _serve_one(link: socket.socket) -> None:
    with link, contextlib.ExitStack() as stack:
        told, descriptors = _asked(link)
        given, out, err = (stack.enter_context(open(each, "r+b", buffering=0)) for each in descriptors)
        process = start(told["arguments"], Path(told["folder"]), told["environment"], out, err, given)
        link.sendall(str(process.wait()).encode())


def run(arguments: Sequence[str], folder: Path, environment: dict[str, str], timeout: float) -> Ended:
    """Run a program to its end, with nothing on standard input."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = start(arguments, folder, environment, out, err)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        return Ended(status, *(_text(file) for file in (out, err)))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace").replace("\r\n", "\n")


def _starts_alike(environment: dict[str, str]) -> bool:
    read = {name: value for name, value in environment.items() if name.startswith(READ_AT_START)}
    return all(SAME_AT_START.get(name) == value for name, value in read.items())


def _sets_up(arguments: Sequence[str], environment: dict[str, str]) -> bool:
    """Tell whether a program sets Django up with our settings before anything else that costs."""
    first, second = [*arguments, ""][:2]
    is_ours = first == str(ROOT / "manage.py")
    usual = warm_django.SETTINGS if second in ("serve", "doctor") else ""
    settings = environment.get("DJANGO_SETTINGS_MODULE", usual)
    return settings == warm_django.SETTINGS and (is_ours or (first, second) == ("-m", "uvicorn"))


class Parent:
    """The process that forks. It ends, and all it has forked, when our end of the socket is closed.

    `sets_up`: it has set Django up.
    """

    def __init__(self, *, sets_up: bool = False) -> None:
        self._socket, theirs = socket.socketpair()
        self._lock = threading.Lock()
        environment = {"PATH": os.environ["PATH"], "NO_COLOR": "1", **SAME_AT_START}
        with theirs:
            command = [sys.executable, "-m", "tests.warm", str(theirs.fileno()), *["set-up"] * sets_up]
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )

    def fork(
        self, arguments: Sequence[str], folder: Path, environment: dict[str, str], files: Sequence[IO[bytes]]
    ) -> Forked:
        """Return a process that runs the program."""
        told = json.dumps({"arguments": [*arguments], "folder": str(folder), "environment": environment})
        status, theirs = os.pipe()
        try:
            with self._lock:
                descriptors = [*(file.fileno() for file in files), theirs]
                body = told.encode()
                socket.send_fds(self._socket, [len(body).to_bytes(4, "big")], descriptors)
                self._socket.sendall(body)
                return Forked(int.from_bytes(_exactly(self._socket, 4), "big"), status)
        finally:
            os.close(theirs)

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


_first = threading.Lock()
_made: dict[bool, Parent] = {}


def _parent(*, sets_up: bool) -> Parent:
    with _first:
        if sets_up not in _made:
            _made[sets_up] = Parent(sets_up=sets_up)
        return _made[sets_up]


@atexit.register
def close() -> None:
    """End what forks, if it was needed, and what it has forked."""
    while _made:
        _made.popitem()[1].close()


def _exactly(link: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        some = link.recv(count - len(read))
        if not some:
            raise EOFError("the parent of forked processes is gone")
        read += some
    return read


# --- in the parent ------------------------------------------------------------------------------------------


def main(link: socket.socket, *, sets_up: bool) -> dict[str, Any]:
    """Fork what is asked for, until the other end is closed. Only a forked process returns, with its task."""
    if sets_up:
        warm_django.set_up(ROOT)
    else:
        _import_most()
    gc.collect()
    gc.freeze()
    running: dict[int, tuple[int, int]] = {}  # by pidfd: process, where its status goes
    while True:
        ready, _, _ = select.select([link, *running], [], [])
        for ended in [one for one in ready if isinstance(one, int)]:
            _say_how_it_ended(ended, *running.pop(ended))
        if link in ready:
            try:
                told, descriptors = _asked(link)
            except EOFError:
                _end(running)
            pid = os.fork()
            if pid == 0:
                link.close()
                for watched, (_, status) in running.items():
                    os.close(watched)
                    os.close(status)
                return {**told, "files": descriptors}
            for descriptor in descriptors[:-1]:
                os.close(descriptor)
            running[os.pidfd_open(pid)] = pid, descriptors[-1]
            link.sendall(pid.to_bytes(4, "big"))


def _asked(link: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return what shall run, and its files; raises EOFError when nobody asks any more."""
    size, descriptors, _, _ = socket.recv_fds(link, 4, FILES)
    if not size:
        raise EOFError
    size += _exactly(link, 4 - len(size)) if len(size) < 4 else b""
    told: dict[str, Any] = json.loads(_exactly(link, int.from_bytes(size, "big")))
    return told, [*array.array("i", descriptors)]


def _say_how_it_ended(watched: int, pid: int, status: int) -> None:
    os.close(watched)
    ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with contextlib.suppress(BrokenPipeError):  # nobody waits for it
        os.write(status, str(ended).encode())
    os.close(status)


def _end(running: dict[int, tuple[int, int]]) -> Never:
    for pid, _ in running.values():
        os.kill(pid, signal.SIGKILL)
    sys.exit()


def _import_most() -> None:
    """Import what `doctor` and `serve` import; what wants Django's settings first is left to the forked."""
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
        if name != "__main__" and name not in NOT_BEFORE:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    sys.unraisablehook = told
    assert not settings.configured and "DJANGO_SETTINGS_MODULE" not in os.environ


# --- in what is forked --------------------------------------------------------------------------------------


def become(told: dict[str, Any]) -> None:
    """Run the program that was asked for; what it raises, `SystemExit` first of all, ends the process."""
    *files, status = told["files"]
    os.close(status)  # the parent's own says when this process has ended
    for number, descriptor in enumerate(files):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(told["folder"])
    os.environ.clear()
    os.environ.update(told["environment"])
    time.tzset()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(write_through=bool(told["environment"].get("PYTHONUNBUFFERED")))  # type: ignore[union-attr]
    kind, *rest = told["arguments"]
    sys.path[0] = ""
    if kind == "-m":
        sys.argv = [rest[0], *rest[1:]]
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = [kind, *rest]
        sys.path[0] = str(Path(kind).parent)
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__":
    become(main(socket.socket(fileno=int(sys.argv[1])), sets_up="set-up" in sys.argv))
