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
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=600, check=False)
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


def litellm() -> Path:
    """A directory for PYTHONPATH that holds the pinned LiteLLM with all that its proxy needs."""
    pins = HERE / "litellm" / "requirements.txt"
    with _locked(_name("litellm", pins)) as directory:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-compile", "--require-hashes"]
        _install(directory, command=[*pip, "--target", str(directory), "-r", str(pins)])
        return directory


def claude_code() -> Path:
    """The `claude` program of the pinned Claude Code."""
    package = f"claude-code-{sys.platform}-{_machine()}"
    return _from_npm("claude-code", HERE / "claude_code", f"@anthropic-ai/{package}/claude")


def codex() -> Path:
    """The `codex` program of the pinned Codex CLI."""
    triple = (
        f"{platform.machine().replace('arm64', 'aarch64')}-{CODEX_SYSTEMS.get(sys.platform, sys.platform)}"
    )
    package = f"@openai/codex-{sys.platform}-{_machine()}"
    return _from_npm("codex", HERE / "codex", f"{package}/vendor/{triple}/bin/codex")


CODEX_SYSTEMS = {"linux": "unknown-linux-musl", "darwin": "apple-darwin"}


def _machine() -> str:
    """The processor as npm packages name it."""
    return {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "unknown")


def _from_npm(name: str, pins: Path, program: str) -> Path:
    """A program below `node_modules`, for which only this machine's build is fetched."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    manifest, lock = pins / "package.json", pins / "package-lock.json"
    with _locked(_name(name, lock)) as directory:
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        _install(directory, manifest, lock, command=npm)
        found = directory / "node_modules" / program
        if not found.exists():
            pytest.skip(f"no build of {name} for {sys.platform} on {platform.machine()}")
        return found
