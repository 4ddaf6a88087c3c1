"""`router clients` beside a running gateway: what it writes works, shown by its own call and by the real programs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.clients import writing
from gateway.clients.programs import CLIENTS, Wanted
from tests.e2e import installs
from tests.e2e.conftest import Start, without_cooldowns
from tests.fakes.vendor import Vendor
from tests.harness import ROOT, GatewayProcess

ALONE = ("HOME", "PATH", "LANG", "PYTHONPATH")


@pytest.fixture
def here(shared: Start, vendor: Vendor) -> Iterator[GatewayProcess]:
    yield from without_cooldowns(shared("uvicorn"))


def router(home: Path, *arguments: str, token: str = "", path: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command as on a machine that has no gateway of its own."""
    environment = {name: os.environ[name] for name in ALONE if name in os.environ}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "clients", *arguments],
        cwd=home,
        env={**environment, "HOME": str(home), "PATH": f"{path}:{os.environ['PATH']}"},
        input=f"{token}\n",
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def set_up(home: Path, client: str, gateway: GatewayProcess) -> None:
    done = router(
        home, "setup", client, "--write", "--token-stdin", "--url", gateway.url, token=gateway.token.secret
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert gateway.token.secret not in done.stdout + done.stderr


def test_every_configuration_is_proved_by_a_call_and_taken_back(
    here: GatewayProcess, vendor: Vendor, tmp_path: Path
) -> None:
    set_up(tmp_path, "codex", here)
    for client in CLIENTS.values():
        writing.write(
            client, Wanted(here.url, here.token.secret, "claude-sonnet-5-5"), {"HOME": str(tmp_path)}
        )
    done = router(tmp_path, "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": 200, claude-sonnet-5-5 says: You said: ") == len(CLIENTS)
    assert len(vendor.seen) == len(CLIENTS) and done.stderr == ""
    assert router(tmp_path, "setup", "codex", "--undo").returncode == 0
    assert router(tmp_path, "doctor", "codex").returncode == 1


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return each client's real program, by the name that a shell finds it under."""
    aider = tmp_path_factory.mktemp("aider") / "aider"
    aider.write_text(f'#!/bin/sh\nPYTHONPATH={installs.aider()} exec {sys.executable} -m aider "$@"\n')
    aider.chmod(0o755)
    own = {"claude": installs.claude_code(), "codex": installs.codex(), "aider": aider}
    return {**own, **installs.coding_clients()}


@pytest.mark.interop
@pytest.mark.timeout(1500)  # fetched first
@pytest.mark.parametrize("client", CLIENTS)
def test_the_real_program_answers_with_what_was_written(
    here: GatewayProcess, vendor: Vendor, tmp_path: Path, programs: dict[str, Path], client: str
) -> None:
    name = CLIENTS[client].program
    if name not in programs:
        installs.not_to_be_had(f"no build of {name} for this machine")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / name).symlink_to(programs[name])
    set_up(tmp_path, client, here)
    if client == "aider":  # else it asks the internet, and may complain of that after the answer
        known = tmp_path / ".aider" / "caches" / "model_prices_and_context_window.json"
        known.parent.mkdir(parents=True)
        known.write_text('{"none": {}}')
    done = router(tmp_path, "doctor", client, "--run", path=str(tmp_path / "bin"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"runs {name} +: exit status 0, it says: .*You said", done.stdout), done.stdout
    assert len(vendor.seen) >= 2  # ours, and the program's
