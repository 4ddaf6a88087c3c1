"""Every command and configuration on both sides: exit status, standard output, what doctor says of a setting."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests import warm
from tests.compat import reference
from tests.compat.cases import SECRET, TABLES
from tests.compat.compare import Aspects, Difference, changed, differences
from tests.compat.program import MOST_SECONDS, REFERENCE
from tests.compat.work import Job
from tests.harness import ROOT
from tests.ports import free_port

FILES = ("commands.runs", "config.runs")
SERVES = "none: it serves"
_LOG = re.compile(r"^\x1b\[2m.*|^\d{4}-\d\d-\d\dT\S+ +(?:INFO|WARN|ERROR|DEBUG) .*", re.MULTILINE)
_LABEL = re.compile(r"^([\w ]+?) *: (.*)$", re.MULTILINE)
_EPOCH = re.compile(r"\b1[789]\d{8}\b")
_NEVER = re.compile(r"\b[2-4]\d{9}\b")


Starter = Callable[[list[str], Path, dict[str, str], tuple[Path, Path, Path]], warm.Process]


@dataclass
class Run:
    """One command: runs of the same `sequence` share their folders and follow one another."""

    sequence: str
    argv: list[str]
    env: dict[str, str | None] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    stdin: str = ""

    @property
    def name(self) -> str:
        env = " ".join(f"{name}={value}" for name, value in self.env.items())
        return f"{self.sequence} | {env} {' '.join(self.argv)}".replace("\n", "\\n")

    @property
    def table(self) -> str:
        return "config" if self.sequence.startswith(("config: ", "files: ")) else "commands"


class Runner:
    """Runs a sequence with one program, in folders of its own."""

    def __init__(self, start: Starter, folder: Path, base: dict[str, str]) -> None:
        self.start, self.folder, self.base = start, folder, base
        self.tokens: list[str] = []
        self.port = free_port()
        for name in ("cwd", "home", "claude", "work"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def run(self, one: Run) -> Aspects:
        """Run one command and return what is compared."""
        for name, text in one.files.items():
            (self.folder / "cwd" / name).write_text(text)
        given = {
            "TOKEN_SECRET": SECRET, "HOME": "<HOME>", "ROUTER_HOME": "<HOME>", "DATA_DIR": "<DATA_DIR>",
            "CLAUDE_CODE_HOME": "<CLAUDE_CODE_HOME>", **one.env,
        }  # fmt: skip
        env = {name: self._filled(value) for name, value in given.items() if value is not None}
        status, out = self._ended([*map(self._filled, one.argv)], {**self.base, **env}, one.stdin)
        for name in one.files:
            (self.folder / "cwd" / name).unlink(missing_ok=True)
        if status is None:
            return {"exit": SERVES}
        out = _LOG.sub("", out).lstrip("\n")
        if one.argv[:2] == ["tokens", "issue"]:
            # One that was refused counts, too: the other side may have issued it.
            self.tokens.append(out.strip() or f"<no token {len(self.tokens) + 1}>")
        return self._aspects(one, status, out)

    def _ended(self, arguments: list[str], env: dict[str, str], stdin: str) -> tuple[int | None, str]:
        """Return exit status and standard output; no status of one that serves, which is ended."""
        files = (self.folder / "stdin", self.folder / "out", self.folder / "err")
        files[0].write_text(stdin)
        process = self.start(arguments, self.folder / "cwd", env, files)
        serves = str(self.port) in env.get("ROUTER_PORT", "") and self._serves(process)
        if serves:
            process.terminate()
        try:
            status = process.wait(MOST_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"still running after {MOST_SECONDS} s: {arguments}") from None
        return None if serves else status, files[1].read_text(errors="replace")

    def _serves(self, process: warm.Process) -> bool:
        """Wait until it has ended, or listens."""
        deadline = time.monotonic() + MOST_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            if _listens(self.port):
                return True
            time.sleep(0.02)
        return False

    def _aspects(self, one: Run, status: int, out: str) -> Aspects:
        found = {"exit": str(status)}
        is_doctor = "doctor" in one.argv
        if status != 0 and not (is_doctor and status == 1):
            return found
        if is_doctor:
            told = _LABEL.findall(out)
            found.update({f"doctor {label.strip()}": self._blank(value) for label, value in told})
        else:
            found["out"] = self._rows(out)
        return found

    def _rows(self, out: str) -> str:
        """Return a table without the order of its rows."""
        head, *rest = self._blank(out).split("\n")
        return "\n".join([head, *sorted(rest)]) if head.startswith(("id ", "name ")) else self._blank(out)

    def _places(self) -> list[tuple[str, str]]:
        places = [
            ("<CLAUDE_CODE_HOME>", "claude"), ("<DATA_DIR>", "data"), ("<HOME>", "home"), ("<CWD>", "cwd"),
            ("<WORK>", "work"),
        ]  # fmt: skip
        found = [("<PORT>", str(self.port)), *((mark, str(self.folder / name)) for mark, name in places)]
        for number, token in enumerate(self.tokens, start=1):
            found += [(f"<TOKEN_{number}>", token), (f"<ID_{number}>", _subject(token))]
        return found

    def _filled(self, text: str) -> str:
        for mark, value in self._places():
            text = text.replace(mark, value)
        return text

    def _blank(self, text: str) -> str:
        for mark, value in self._places():
            text = text.replace(value, mark)
        return re.sub(r"aes256gcm:[\w+/=]+", "<sealed>", _NEVER.sub("<time>", _EPOCH.sub("<time>", text)))


def load(only: str = "") -> list[Run]:
    """Return every run whose name holds a text."""
    lines = [line for name in FILES for line in (TABLES / name).read_text().split("\n") if line]
    runs = [Run(**json.loads(line)) for line in lines]
    return [run for run in runs if only in f"{run.table}: {run.name}"]


def jobs(template: Path, only: str = "") -> list[Job]:
    """Return the work: a job for every sequence."""
    sequences: dict[str, list[Run]] = {}
    for run in load(only):
        sequences.setdefault(run.sequence, []).append(run)
    return [
        Job(len(runs), partial(_sequence, runs, template=template), runs[0].sequence)
        for runs in sequences.values()
    ]


def _sequence(runs: list[Run], folder: Path, *, template: Path) -> list[Difference]:
    base = _base()
    theirs = Runner(_start_theirs, folder / "theirs", base)
    ours = Runner(
        _start_ours, folder / "ours", {**base, "PYTHONPATH": str(ROOT), "ALLOW_WEAK_SECRET": "true"}
    )
    shutil.copytree(template / "data", folder / "ours" / "data")
    return [one for run in runs for one in _pair(run, theirs, ours)]


def _start_theirs(
    arguments: list[str], folder: Path, env: dict[str, str], files: tuple[Path, Path, Path]
) -> warm.Process:
    with files[0].open("rb") as given, files[1].open("wb") as out, files[2].open("wb") as err:
        command = [str(reference.program()), *arguments]
        return subprocess.Popen(command, cwd=folder, env=env, stdin=given, stdout=out, stderr=err)


def _start_ours(
    arguments: list[str], folder: Path, env: dict[str, str], files: tuple[Path, Path, Path]
) -> warm.Process:
    given, *written = files
    with given.open("rb") as read, written[0].open("wb") as out, written[1].open("wb") as err:
        return warm.start([*REFERENCE, *arguments], folder, env, out, err, read)


def _pair(run: Run, theirs: Runner, ours: Runner) -> Iterator[Difference]:
    there, here = theirs.run(run), ours.run(run)
    if there["exit"] != here["exit"]:
        aspect = changed("exit", there["exit"], here["exit"])
        yield Difference(run.table, run.name, aspect, there["exit"], here["exit"])
        if "doctor" not in run.argv or "2" in (there["exit"], here["exit"]):
            return
        here["exit"] = there["exit"]
    labels = {name for name in there if name.startswith("doctor ")}
    if labels:  # ours tells more
        here = {name: value for name, value in here.items() if name in labels or name == "exit"}
    yield from differences((run.table, run.name), there, here)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _base() -> dict[str, Any]:
    return {"PATH": os.environ["PATH"], "NO_COLOR": "1", "RUST_LOG": "link_assistant_router=off"}


def _subject(token: str) -> str:
    if token.startswith("<"):
        return token + " id"
    payload = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"])
