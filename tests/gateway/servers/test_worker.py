"""The worker's command line."""

import json
import subprocess
import sys

from gateway.servers.options import ServeOptions
from gateway.servers.workers import Job
from tests.gateway.servers.harness import ROOT


def test_every_option_survives_the_command_line() -> None:
    options = ServeOptions(
        host="::1", port=1, workers=4, max_body_bytes=5, drain_seconds=1.5, on_listening=print
    )
    job = Job("uvicorn", "a:b", options)
    said = json.loads(job.arguments(7, 8)[-1])
    assert (said["server"], said["application"]) == ("uvicorn", "a:b")
    there = ServeOptions(**said["options"])
    assert there.on_listening is None
    assert there == ServeOptions(
        host="::1", port=1, max_body_bytes=5, drain_seconds=1.5, fd=7, supervisor_fd=8
    )


def test_no_start_is_status_3_and_one_line() -> None:
    job = {"server": "uvicorn", "application": "a:b", "options": {"fd": 0}}
    command = [sys.executable, "-m", "gateway.servers.worker", json.dumps(job)]
    done = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert done.stderr.startswith("descriptor 0 is not a socket: ")
    assert done.stderr.count("\n") == 1
