"""The walk-through of docs/payments.md, as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest

from tests.fakes.vendor import Vendor
from tests.harness import ROOT, base_environment

BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "payments.md").read_text(), re.DOTALL)
START, CALLS, LISTED, RECONCILED = BLOCKS


def settings_of(block: str) -> dict[str, str]:
    """Return the variables that stand before the command."""
    words = shlex.split(block.replace("\\\n", " "))
    return dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))


def test_the_walk_through(start, vendor: Vendor) -> None:
    assert START.strip().endswith("python manage.py serve")
    gateway = start("uvicorn", settings_of(START))
    directory = gateway.data_dir
    python = f"{sys.executable} {ROOT}"

    def run(block: str) -> str:
        script = block.replace("http://127.0.0.1:8080", gateway.url)
        script = script.replace("python examples/", f"{python}/examples/")
        script = script.replace("python manage.py", f"{python}/manage.py")
        environment = {**base_environment(directory), **gateway.settings, "TOKEN": gateway.token.secret}
        done = subprocess.run(
            ["sh", "-e", "-c", script],
            cwd=directory,
            env={**environment, "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    said = run(CALLS)
    assert "HTTP/1.1 402" in said
    assert "payment-required" in said
    assert "asked: 402\n" in said
    assert "by test, until 20" in said
    assert "paid: 200\n" in said
    assert "'status': 'success'" in said
    assert said.endswith("You said: Say hello\n")
    assert re.search(r"test +settled +5 +usd", run(LISTED).replace("  ", " "))
    assert run(RECONCILED) == "nothing is open\n"


@pytest.mark.parametrize("name", ["MPP_STRIPE_SECRET_KEY", "MPP_LIGHTNING_MACAROON", "MPP_SECRET"])
def test_it_names_settings_that_exist(name: str) -> None:
    text = (ROOT / "docs" / "payments.md").read_text()
    assert f"`{name}`" in text
