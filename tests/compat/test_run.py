"""`make compat` where the reference can't be had: skipped with its reason, and in CI a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness import ROOT

BROKEN_CARGO = "#!/bin/sh\necho 'error: linker `cc` not found' >&2\nexit 101\n"


def _run(tmp_path: Path, cargo: str | None, ci: str | None) -> subprocess.CompletedProcess[str]:
    programs = tmp_path / "bin"
    programs.mkdir()
    if cargo is not None:
        (programs / "nice").write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
        (programs / "cargo").write_text(cargo)
        for name in ("nice", "cargo"):
            (programs / name).chmod(0o755)
    env = {name: value for name, value in os.environ.items() if name != "CI"}
    env |= {"PATH": str(programs), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    if ci is not None:
        env["CI"] = ci
    return subprocess.run(
        [sys.executable, "-m", "tests.compat.run", "--only", "nothing"],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("ci", "status", "word"), [("true", 1, "failed"), (None, 0, "skipped")])
def test_a_reference_that_can_not_be_built(tmp_path: Path, ci: str | None, status: int, word: str) -> None:
    done = _run(tmp_path, BROKEN_CARGO, ci)
    assert done.returncode == status, done.stderr
    assert f"{word}: cargo could not build it (exit 101): error: linker `cc` not found" in done.stdout


@pytest.mark.parametrize(("ci", "status", "word"), [("true", 1, "failed"), (None, 0, "skipped")])
def test_no_cargo(tmp_path: Path, ci: str | None, status: int, word: str) -> None:
    done = _run(tmp_path, None, ci)
    assert done.returncode == status, done.stderr
    assert f"{word}: cargo is not installed" in done.stdout


def test_a_build_that_leaves_no_program_is_none(tmp_path: Path) -> None:
    done = _run(tmp_path, "#!/bin/sh\nexit 0\n", "true")
    assert done.returncode == 1
    assert "failed: cargo could not build it (exit 0)" in done.stdout
