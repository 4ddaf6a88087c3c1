"""Measure the CPU of the commands: `python -m bench.commands`. Exit 1 when one takes more than its bound.

CPU seconds (user and system) of a fresh process over a migrated database, the least of several runs: what else the
machine does stays out of it, mostly. Help, versions and typing errors may take 0.3 s, commands that read rows 0.9 s.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = "import sys; from gateway.management.program import main; main(sys.argv[1:])"
QUICK, READING = 0.3, 0.9
COMMANDS: tuple[tuple[str, float], ...] = (
    ("--help", QUICK),
    ("--version", QUICK),
    ("completion bash", QUICK),
    ("tokens --help", QUICK),
    ("tokns list", QUICK),
    ("tokens lst", QUICK),
    ("tokens list --lable x", QUICK),
    ("--prot 1", QUICK),
    ("tokens list", READING),
    ("groups list", READING),
    ("accounts list", READING),
    ("providers list", READING),
    ("routes list", READING),
    ("prices list", READING),
    ("people list", READING),
    ("usage", READING),
    ("requests", READING),
    ("audit", READING),
)


def environment(folder: Path) -> dict[str, str]:
    """Return what the commands are started with: a folder of their own, and nothing of the caller's settings."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "ROUTER_HOME": str(folder),
        "DATA_DIR": str(folder / "data"),
        "PYTHONPATH": str(ROOT),
        "TOKEN_SECRET": "of-the-measurement-of-commands-0123456789",
        "TOKEN_ADMIN_KEY": "of-the-measurement-of-commands-0123456789",
    }


def seconds_of(folder: Path, arguments: str) -> float:
    """Return the CPU seconds of one run, as the system counts them for a child that has ended."""
    command = [sys.executable, "-c", PROGRAM, *arguments.split()]
    process = subprocess.Popen(
        command, cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, _, used = os.wait4(process.pid, 0)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Print a line for each command; return 1 when one is over its bound."""
    parser = argparse.ArgumentParser(prog="python -m bench.commands", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="of each command; the least counts")
    runs: int = parser.parse_args().runs
    is_over = False
    with tempfile.TemporaryDirectory(prefix="commands-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        made = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0"]
        subprocess.run(made, cwd=folder, env=environment(folder), check=True)
        for arguments, bound in COMMANDS:
            seconds = min(seconds_of(folder, arguments) for _ in range(runs))
            is_over = is_over or seconds > bound
            note = "  too much" if seconds > bound else ""
            print(f"{arguments:<24}{seconds:6.2f} s of {bound} s{note}", flush=True)
    return 1 if is_over else 0


if __name__ == "__main__":
    sys.exit(main())
