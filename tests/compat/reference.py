"""The reference itself: where its program lies, how it is built once, and how it is run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

VERSION = "0.18.0"
CRATE = "link-assistant-router"


class NotHere(Exception):
    """The reference can't be had on this machine; the text says why."""


def cache() -> Path:
    """Return the folder that keeps the program between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / f"{CRATE}-compat" / VERSION


def program() -> Path:
    """Return the program, built the first time (some minutes). Raises `NotHere`."""
    built = cache() / "bin" / CRATE
    if built.is_file():
        return built
    cargo = shutil.which("cargo")
    if cargo is None:
        raise NotHere("cargo is not installed, and the reference is published as source only")
    command = [
        "nice",
        "-n",
        "10",
        cargo,
        "install",
        CRATE,
        "--version",
        VERSION,
        "--locked",
        "--root",
        str(cache()),
    ]
    print(f"building {CRATE} {VERSION}, once: {' '.join(command)}", flush=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not built.is_file():
        last = done.stderr.strip().splitlines()[-5:]
        raise NotHere(f"cargo could not build it (exit {done.returncode}): {' / '.join(last)}")
    return built
