"""`make compat` where the reference can't be had: skipped with its reason."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compat import run
from tests.compat.compare import Difference
from tests.compat.work import Job
from tests.harness import ROOT

BROKEN_CARGO = "#!/bin/sh\necho 'error: linker `cc` not found' >&2\nexit 101\n"


def _run(tmp_path: Path, cargo: str | None) -> subprocess.CompletedProcess[str]:
    programs = tmp_path / "bin"
    programs.mkdir()
    if cargo is not None:
        (programs / "nice").write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
        (programs / "cargo").write_text(cargo)
        for name in ("nice", "cargo"):
            (programs / name).chmod(0o755)
    env = {**os.environ, "PATH": str(programs), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    return subprocess.run(
        [sys.executable, "-m", "tests.compat.run", "--only", "nothing"],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_a_reference_that_can_not_be_built(tmp_path: Path) -> None:
    done = _run(tmp_path, BROKEN_CARGO)
    assert done.returncode == 0, done.stderr
    assert "skipped: cargo could not build it (exit 101): error: linker `cc` not found" in done.stdout


def test_no_cargo(tmp_path: Path) -> None:
    done = _run(tmp_path, None)
    assert done.returncode == 0, done.stderr
    assert "skipped: cargo is not installed" in done.stdout


def test_a_build_that_leaves_no_program_is_none(tmp_path: Path) -> None:
    done = _run(tmp_path, "#!/bin/sh\nexit 0\n")
    assert done.returncode == 0, done.stderr
    assert "skipped: cargo could not build it (exit 0)" in done.stdout


def _asked() -> argparse.Namespace:
    return argparse.Namespace(jobs=2, save=None, only="", part="http")


def _differs(name: str) -> Difference:
    return Difference("table that no rule names", name, "body", "1", "2")


def test_what_differs_runs_once_more_alone_and_is_named(tmp_path: Path) -> None:
    folders: dict[str, list[Path]] = {"slow": [], "wrong": [], "equal": []}

    def job(name: str) -> Job:
        def compare(folder: Path) -> list[Difference]:
            folders[name].append(folder)
            is_odd = name == "wrong" or (name == "slow" and len(folders[name]) == 1)
            return [_differs(name)] if is_odd else []

        return Job(1, compare, name)

    found, again = run.compared([*map(job, folders)], tmp_path, _asked())
    assert (found, again) == ([_differs("wrong")], ["slow"])
    assert {name: len(set(used)) for name, used in folders.items()} == {"slow": 2, "wrong": 2, "equal": 1}


def test_many_that_differ_are_not_tried_again(tmp_path: Path) -> None:
    jobs = [Job(1, lambda folder: [_differs(folder.name)], "x") for _ in range(run.MOST_AGAIN + 1)]
    found, again = run.compared(jobs, tmp_path, _asked())
    assert (len(found), again) == (len(jobs), [])
    assert not [*tmp_path.glob("*-again")]


def test_a_job_that_breaks_off_is_a_difference(tmp_path: Path) -> None:
    def broken(folder: Path) -> list[Difference]:
        raise AssertionError("it does not listen")

    (told,) = run.of_job(Job(1, broken, "stores: text"), tmp_path / "x")
    assert (told.title, told.ours) == ("stores: text", "it does not listen")


def test_the_last_lines_name_what_has_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.report([_differs("a"), _differs("b")], ["slow"], _asked()) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "differed beside others, and not alone: slow" in lines
    assert lines[-3:] == [
        "0 differences named, 2 unnamed in 2 cases, 0 mistakes, 1 that differed once",
        "unnamed: table that no rule names: a",
        "unnamed: table that no rule names: b",
    ]
    assert run.report([], [], _asked()) == 0
