"""Schemathesis, which makes calls from our own document, asks the management API: answers are as it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e import installs
from tests.harness import ADMIN_KEY

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance", "negative_data_rejection",
)  # fmt: skip
OURS, SURFACES = "^/api/", "^/api/(hello|event_logging|oauth)"
"""What is managed; of the paths below `/api/` some are clients'."""


@pytest.mark.interop
@pytest.mark.timeout(900)
def test_the_api_answers_as_its_document_says(start, vendor, tmp_path: Path) -> None:
    directory = installs.schemathesis()
    gateway = start("daphne")
    bearer = f"Authorization: Bearer {ADMIN_KEY}"
    document = tmp_path / "openapi.json"
    document.write_bytes(
        gateway.ask("GET", "/api/openapi.json", [("authorization", f"Bearer {ADMIN_KEY}")]).body
    )
    asked = [
        "run",
        str(document),
        "-u",
        gateway.url,
        "-H",
        bearer,
        "-c",
        ",".join(CHECKS),
        "--generation-deterministic",
    ]
    asked += ["--include-path-regex", OURS, "--exclude-path-regex", SURFACES, "--phases", "examples,coverage"]
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *asked, "--no-color", "--continue-on-failure"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(directory), "PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
