"""Clients that are not in the environment: pinned by hash, fetched once into `.cache/` of the checkout."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import ROOT

HERE = Path(__file__).parent
CACHE = ROOT / ".cache"


@contextlib.contextmanager
def _locked(name: str) -> Iterator[Path]:
    """The directory `name` of the cache, for one process at a time."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield CACHE / name


def _install(directory: Path, *pins: Path, command: list[str]) -> None:
    """Runs `command` in the new directory, unless it has run there. Skips the test when it cannot be had."""
    done = directory / ".complete"
    if done.exists():
        return
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    for pin in pins:
        shutil.copy(pin, directory)
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=300, check=False)
    if result.returncode != 0:
        pytest.skip(f"could not install: {' '.join(command)}\n{result.stderr[-800:]}")
    done.touch()


def _name(prefix: str, pin: Path) -> str:
    return f"{prefix}-{hashlib.sha256(pin.read_bytes()).hexdigest()[:12]}"


def old_sdk() -> Path:
    """A directory for PYTHONPATH that holds anthropic 0.125.0."""
    pins = HERE / "sdk" / "anthropic-0.125.0.txt"
    with _locked(_name("anthropic-0.125.0", pins)) as directory:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes"]
        _install(directory, command=[*pip, "--target", str(directory), "-r", str(pins)])
        return directory


def claude_code() -> Path:
    """The `claude` program of the pinned Claude Code."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    manifest, lock = HERE / "claude_code" / "package.json", HERE / "claude_code" / "package-lock.json"
    with _locked(_name("claude-code", lock)) as directory:
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        _install(directory, manifest, lock, command=npm)
        machine = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "unknown")
        package = f"claude-code-{sys.platform}-{machine}"
        program = directory / "node_modules" / "@anthropic-ai" / package / "claude"
        if not program.exists():
            pytest.skip(f"Claude Code has no build for {package}")
        return program
