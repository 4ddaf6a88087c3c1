"""`make demo` works from nothing, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.harness import ROOT


def test_the_demo(tmp_path):
    (tmp_path / ".env").write_text(
        "STORAGE_POLICY=of-a-gateway-beside-it\n"
    )  # which `make run` may have left
    places = {name: str(tmp_path) for name in ("HOME", "TMPDIR", "ROUTER_HOME")}
    environment = {"PATH": os.environ["PATH"], **places}
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "demo.py"), "Does it stream?", "--server", "uvicorn"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "You asked: Does it stream?" in done.stdout
    assert "begins with sk-ant-demo-…" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == [".env"]
