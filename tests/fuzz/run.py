"""Fuzz every target, one on each processor at a time: `make fuzz`, `make fuzz ARGS="--seconds 600 sse"`.

With atheris (libFuzzer, coverage-guided) where it can be had, else with Hypothesis. An input that fails is shown and
kept; `--input FILE` tries it again.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz.targets import TARGETS, WORDS

KEPT = Path(tempfile.gettempdir()) / "link-assistant-router-fuzz"
LONGEST = 1024
"""Bytes of an input."""


def with_atheris(name: str, seconds: int) -> None:
    """Ends the process."""
    import atheris  # noqa: PLC0415 - is not everywhere

    KEPT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        words = Path(directory) / "words"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in WORDS[name] if len(word) <= 64))
        corpus = Path(directory) / "corpus"
        corpus.mkdir()
        for number, word in enumerate(WORDS[name]):
            for kind in (b"\x00", b"\x01"):
                (corpus / f"{number}{kind.hex()}").write_bytes(kind + word)
        flags = [
            f"-dict={words}",
            f"-max_total_time={seconds}",
            f"-max_len={LONGEST}",
            f"-artifact_prefix={KEPT}/{name}-",
        ]
        atheris.Setup([name, *flags, "-verbosity=0", str(corpus)], _looked_at(atheris, TARGETS[name]))
        atheris.Fuzz()


def _looked_at(atheris, target):
    for module in (
        "providers.http1",
        "providers.dialects.sse",
        "providers.dialects.eventstream",
        "tokens.jwt",
        "gateway.payments",
        "forgefed.signing",
        "forgefed.reading",
        "providers.crater.answer",
    ):
        for loaded in [found for key, found in sys.modules.items() if key.startswith(module)]:
            for value in vars(loaded).values():
                _instrument(atheris, value, loaded.__name__)
    return target


def _instrument(atheris, value, module) -> None:
    """A function, or the methods of a class, of that module."""
    if getattr(value, "__module__", None) != module:
        return
    functions = vars(value).values() if isinstance(value, type) else [value]
    for function in functions:
        if hasattr(function, "__code__"):
            atheris.instrument_func(function)


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def with_hypothesis(name: str, seconds: int) -> None:
    from tests.fuzz.test_targets import long_try  # noqa: PLC0415 - needs no atheris

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        long_try(name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", default=list(TARGETS), help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="so many at a time")
    parser.add_argument("--input", type=Path, help="try this file alone")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if unknown := set(chosen.targets) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    if chosen.input is not None:
        for name in chosen.targets:
            TARGETS[name](chosen.input.read_bytes())
        return 0
    if chosen.here:
        way = with_atheris if importlib.util.find_spec("atheris") else with_hypothesis
        way(chosen.targets[0], chosen.seconds)
        return 0
    with ThreadPoolExecutor(chosen.jobs) as side_by_side:
        statuses = side_by_side.map(lambda name: _alone(name, chosen.seconds), chosen.targets)
        failed = [name for name, status in zip(chosen.targets, statuses, strict=True) if status]
    print("failed: " + ", ".join(failed) if failed else "nothing found")
    return bool(failed)


def _alone(name: str, seconds: int) -> int:
    """Fuzz one in a process of its own, for libFuzzer ends it. What it says is shown at the end, in one piece."""
    began = time.monotonic()
    command = [sys.executable, "-m", "tests.fuzz.run", "--here", "--seconds", str(seconds), name]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    said = done.stdout.decode(errors="replace")  # inputs are any bytes
    word = "failed" if done.returncode else "held"
    print(f"{said}{name}: {word} after {time.monotonic() - began:.0f} s", flush=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
