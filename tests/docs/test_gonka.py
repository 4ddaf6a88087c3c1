"""The walk-through of docs/gonka.md, block by block, with a stand-in for the node and this checkout's `router`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from providers.credentials.secp256k1 import signer
from tests.fakes.gonka_node import KEY, MODEL, GonkaNode, verifying_key
from tests.harness import ROOT
from tests.ports import free_port

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MAKES_A_KEY = "openssl rand -hex 32 > gonka.key"
NEEDED = ("bash", "curl", "openssl", "timeout")


def walk_through() -> list[str]:
    text = (ROOT / "docs" / "gonka.md").read_text()
    section = text.split("## A walk-through")[1].split("\n## ")[0]
    return BLOCK.findall(section)


@pytest.mark.skipif(not all(map(shutil.which, NEEDED)), reason=f"needs {', '.join(NEEDED)}")
def test_the_walk_through(tmp_path: Path) -> None:
    blocks, port = walk_through(), free_port()
    script = "\n".join(blocks)
    assert len(blocks) == 7 and script.count(MAKES_A_KEY) == 1 and "node.example" in script
    command = tmp_path / "bin" / "router"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT / "manage.py"} "$@"\n')
    command.chmod(0o755)
    with GonkaNode("gonka1node", {signer(KEY).address: verifying_key(KEY)}) as node:
        changes = {
            MAKES_A_KEY: f"echo {KEY} > gonka.key",
            "https://node.example": node.url,
            ":8080": f":{port}",
            "--port 8080": f"--port {port}",
        }
        for before, after in changes.items():
            script = script.replace(before, after)
        done = subprocess.run(
            [
                "timeout",
                "--kill-after=5",
                "230",
                "bash",
                "-emc",
                f"trap 'kill %1 2>/dev/null' EXIT\n{script}",
            ],
            cwd=tmp_path,
            env={
                "PATH": f"{command.parent}:{os.environ['PATH']}",
                "HOME": str(tmp_path),
                "ROUTER_HOME": str(tmp_path),
                "EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8",
                "UPSTREAM_BASE_URL": node.url,  # doctor asks Anthropic too
            },
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"signs as {signer(KEY).address}" in done.stdout
        assert re.search(r"online gonka +: 200, reachable, 2 models", done.stdout)
        assert done.stdout.count(MODEL) >= 2 and done.stdout.count("You said: hello") == 1
        assert "event: message_stop" in done.stdout and "You said: as Claude Code" in done.stdout
        assert len(node.verified) == 4 and KEY not in done.stdout + done.stderr
