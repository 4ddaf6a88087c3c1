"""The walk through docs/federation.md, block by block: two gateways on this machine that meet."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import printed
from tests.harness import ROOT
from tests.ports import free_port

NEEDED = ("bash", "curl", "openssl")
UNTIL = "until {}; do sleep 0.2; done\n"


@pytest.mark.timeout(400)
@pytest.mark.skipif(not all(map(shutil.which, NEEDED)), reason=f"needs {', '.join(NEEDED)}")
def test_the_walk(tmp_path: Path) -> None:
    start, follow, look, leave = printed.blocks("docs/federation.md")
    serving = "".join(
        UNTIL.format(f"curl -sf http://127.0.0.1:{port}/health > /dev/null") for port in (8081, 8082)
    )
    has_followed = UNTIL.format("bob federation followers | grep -q actor/code")
    script = f"{start}{serving}{follow}{has_followed}{look}{leave}"
    for port in ("8081", "8082"):
        assert port in start
        script = script.replace(port, str(free_port()))
    (tmp_path / "manage.py").symlink_to(ROOT / "manage.py")
    program = tmp_path / "bin" / "python"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    said = tmp_path / "said.txt"
    with said.open("wb") as output:
        # Files and a session: the servers outlive the shell, and hold a pipe open.
        walking = subprocess.Popen(
            ["bash", "-ec", script],
            cwd=tmp_path,
            env={
                "PATH": f"{program.parent}:{os.environ['PATH']}",
                "HOME": str(tmp_path),
                "ROUTER_HOME": str(tmp_path),
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = walking.wait(300)
        finally:
            os.killpg(walking.pid, signal.SIGKILL)
            walking.wait()
    text = said.read_text()
    assert status == 0, text
    assert "accepted" in text and "no longer following" in text and "Traceback" not in text
