"""Each side reads the stores that the other wrote: tokens under every policy, exports, providers."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests import warm
from tests.compat import reference
from tests.compat.cases import SECRET
from tests.compat.compare import Difference
from tests.compat.program import MOST_SECONDS, REFERENCE
from tests.compat.work import Job
from tests.harness import ROOT
from tokens.files import lino

POLICIES = ("text", "binary", "both")
LABELS = ("", 'quoted "q" \\ back', "line\nfeed\ttab", "кот 🐈", "plain")
PROVIDERS = (
    ("--name", "litellm", "--base-url", "http://litellm:4000/v1/", "--api-key", "sk-1", "--models", "a,b"),
    ("--name", "Other-1", "--base-url", "http://other", "--api-key-env", "OTHER_KEY", "--model", "m"),
    ("--name", "gone", "--base-url", "http://gone"),
)
Records = list[dict[str, Any]]


@dataclass
class Program:
    """One side's commands over a data directory."""

    is_ours: bool
    data: Path
    policy: str

    def __call__(self, *argv: str) -> str:
        """Return standard output; raises `AssertionError` with standard error."""
        env = {
            "PATH": "/usr/bin:/bin", "HOME": str(self.data.parent), "PYTHONPATH": str(ROOT), "TOKEN_SECRET": SECRET,
            "DATA_DIR": str(self.data), "STORAGE_POLICY": self.policy, "RUST_LOG": "link_assistant_router=off",
            "ROUTER_HOME": str(self.data.parent), "NO_COLOR": "1", "ALLOW_WEAK_SECRET": "true",
        }  # fmt: skip
        done = self._ended([*argv], env)
        assert done.status == 0, f"{argv}: exit {done.status}: {done.err}"
        return done.out

    def _ended(self, arguments: list[str], env: dict[str, str]) -> warm.Ended:
        folder = self.data.parent
        if self.is_ours:
            return warm.run([*REFERENCE, *arguments], folder, env, MOST_SECONDS)
        done = subprocess.run(
            [str(reference.program()), *arguments],
            cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=MOST_SECONDS,
        )  # fmt: skip
        return warm.Ended(done.returncode, done.stdout, done.stderr)

    def issue(self) -> None:
        """Issue tokens, the last but one revoked."""
        for number, label in enumerate(LABELS):
            account = ("--account", "primary") if number % 2 else ()
            self("tokens", "issue", f"--label={label}", *account)
        self("tokens", "revoke", self.records()[-1]["id"])

    def records(self) -> Records:
        """Return every token as `tokens show` tells it, by id, with labels as they were given."""
        ids = [line.split()[0] for line in self("tokens", "list").splitlines() if line[:36].count("-") == 4]
        found = [json.loads(self("tokens", "show", one)) for one in sorted(ids)]
        return [{**one, "label": lino.repaired(one["label"])} for one in found]

    def providers(self) -> Records:
        """Return every provider as `providers show` tells it, by name."""
        names = [line.split()[0] for line in self("providers", "list").splitlines()[1:]]
        return [json.loads(self("providers", "show", name)) for name in sorted(names)]


def jobs(template: Path) -> list[Job]:
    """Return the work: a job for every store, which each side reads once the other has written."""
    compared: dict[str, Callable[[Path, Path], Iterator[Difference]]] = {
        **{policy: partial(_tokens, policy=policy) for policy in POLICIES},
        "export": _exported,
        "providers": _providers,
    }

    def job(name: str) -> Job:
        return Job(2, lambda folder: list(compared[name](folder, template)), f"stores: {name}")

    return [*map(job, compared)]


def _sides(folder: Path, template: Path, policy: str) -> tuple[Program, Program]:
    """Return both programs over one data directory; the database of ours is made already, and empty."""
    data = folder / "data"
    shutil.copytree(template / "data", data)
    return Program(False, data, policy), Program(True, data, policy)


def _tokens(folder: Path, template: Path, *, policy: str) -> Iterator[Difference]:
    theirs, ours = _sides(folder, template, policy)
    theirs.issue()
    yield from _same(f"{policy}, written there", theirs.records(), ours.records())
    ours("tokens", "revoke", ours.records()[0]["id"])
    ours.issue()
    yield from _same(f"{policy}, written here", theirs.records(), ours.records())


def _exported(folder: Path, template: Path) -> Iterator[Difference]:
    _, ours = _sides(folder, template, "memory")
    ours.issue()
    ours("tokens", "export", str(folder / "out"))
    there = Program(False, folder / "out", "both")
    yield from _same("export, written here", there.records(), ours.records())
    there.issue()
    ours("tokens", "import", str(folder / "out"))
    yield from _same("import, written there", there.records(), ours.records())


def _providers(folder: Path, template: Path) -> Iterator[Difference]:
    theirs, ours = _sides(folder, template, "both")
    for given in PROVIDERS:
        theirs("providers", "add", *given)
    yield from _same("providers, written there", theirs.providers(), ours.providers())
    ours("providers", "add", "--name", "ours", "--base-url", "http://ours/v1", "--api-key", "sk-ours")
    ours("providers", "remove", "gone")
    yield from _same("providers, written here", theirs.providers(), ours.providers())
    theirs("providers", "remove", "Other-1")
    yield from _same("providers, removed there", theirs.providers(), ours.providers())


def _same(name: str, theirs: Records, ours: Records) -> Iterator[Difference]:
    if theirs != ours:
        yield Difference("stores", name, "records", json.dumps(theirs), json.dumps(ours))
