"""`manage.py runserver`: the same application, for work on the code."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gateway.management.commands.test_serve import NO_PROXY, ROOT, environment


def heed_interrupts() -> None:
    """Let SIGINT through: a shell makes its background jobs ignore it, their children inherit that, Python
    sees none.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("reload", [[], ["--noreload"]], ids=["reload", "noreload"])
def test_it_serves_the_surfaces_and_django(tmp_path: Path, reload: list[str]) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "runserver", f"127.0.0.1:{port}", *reload],
        cwd=tmp_path,
        env=environment(tmp_path, PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interrupts,
    )
    try:
        assert process.stdout is not None
        said = ""
        while "running on" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        for path, text in (("/health", b"ok"), ("/admin/login/", b"csrfmiddlewaretoken")):
            with NO_PROXY.open(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                assert text in answer.read()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=240)


def free_port() -> int:
    """Django's runserver takes no 0."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])
