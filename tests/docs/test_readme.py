"""The commands that README.md prints: each is run, in the order of the page, as it stands there."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import ROOT
from tests.ports import free_port

TEXT = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
COMMAND = re.compile(r"(?:TOKEN=\$\()?(?:\.venv/bin/)?(?:router|python manage\.py) [a-z]")
ELSEWHERE = {
    "router deliver": "runs until it is stopped: tests/forgefed/test_delivering.py",
    "router federation follow URI": "wants another server: tests/e2e/test_federation.py",
}
"""Commands that are not run here, and why."""


def commands() -> list[str]:
    spans = [" ".join(span.split()) for span in SPAN.findall(re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL))]
    return [span for span in dict.fromkeys(spans) if COMMAND.match(span)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as `make` leaves it: the program in .venv, secrets in .env."""
    program = tmp_path / ".venv" / "bin" / "router"
    program.parent.mkdir(parents=True)
    for name in ("router", "python"):
        target = f" {ROOT / 'manage.py'}" if name == "router" else ""
        program.with_name(name).write_text(f'#!/bin/sh\nexec {sys.executable}{target} "$@"\n')
        program.with_name(name).chmod(0o755)
    (tmp_path / "manage.py").symlink_to(ROOT / "manage.py")
    (tmp_path / ".env").write_text(f"TOKEN_SECRET={'s3cret' * 8}\nTOKEN_ADMIN_KEY={'k3y' * 10}\n")
    return tmp_path


@pytest.fixture
def environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "KEY": "sk-local",
        "DJANGO_SUPERUSER_USERNAME": "first",
        "DJANGO_SUPERUSER_PASSWORD": "a long pass phrase",
        "DJANGO_SUPERUSER_EMAIL": "first@example.org",
    }


@pytest.fixture
def port(folder: Path, environment: dict[str, str]) -> Iterator[int]:
    """Where a gateway of this folder serves."""
    found = free_port()
    serving = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "serve", "--host", "127.0.0.1", "--port", str(found)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert serving.stdout is not None and serving.stdout.readline().startswith("Listening on")
        yield found
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.communicate(timeout=30)


@pytest.mark.timeout(400)  # a process for each
@pytest.mark.skipif(not all(map(shutil.which, ("bash", "curl"))), reason="needs bash and curl")
def test_every_command_of_the_page_works_as_printed(
    folder: Path, environment: dict[str, str], port: int
) -> None:
    def run(script: str) -> str:
        setup = BLOCK.findall(TEXT)[1]
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", f"{setup}\n{script.replace(':8080', f':{port}')}"],
            cwd=folder,
            env=environment,
            input="correct horse battery staple\n",  # whatever password is asked for
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        wanted = (0, 1) if script == "router doctor" else (0,)  # it may find something to say
        assert done.returncode in wanted, (script, done.stdout, done.stderr)
        return done.stdout

    _, setup, *blocks = BLOCK.findall(TEXT)
    assert "PATH" in setup and len(blocks) == 2
    made = json.loads(run(blocks[0].replace("curl", "curl -sS --fail-with-body")))
    assert made["token"].startswith("la_sk_")
    run(blocks[1])
    found = commands()
    assert len(found) > 12 and set(ELSEWHERE) <= set(found)
    groups_first = sorted(found, key=lambda command: "groups add" not in command)
    for command in groups_first:
        if command in ELSEWHERE:
            continue
        script = command.replace(" createsuperuser", " createsuperuser --noinput")
        if script.endswith(" add"):  # named, not printed whole
            script += " --help"
        if " ID" in script:
            shown = json.loads(run("router tokens issue --label one --json"))
            script = script.replace(" ID", f" {shown['id']}")
        run(script)


def test_every_make_target_of_the_page_is_there() -> None:
    targets = set(re.findall(r"\bmake ([a-z-]+)", "\n".join([*SPAN.findall(TEXT), *BLOCK.findall(TEXT)])))
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"run", "test", "check", "demo"} <= targets <= known
