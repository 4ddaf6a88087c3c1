"""No database query and no thread hop on the way of a call."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.harness import ROOT, GatewayProcess, base_environment


def carry(gateway: GatewayProcess, token: str, rounds: int) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.hops", token, str(rounds)],
        cwd=ROOT,
        env={**base_environment(gateway.data_dir), **gateway.settings},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_no_query_and_no_thread_hop(template, vendor, tmp_path):
    gateway = GatewayProcess(template, tmp_path / "gateway", vendor.url)
    token = gateway.manage("tokens", "issue").strip()
    seen = carry(gateway, token, 20)
    assert seen == {"queries": 0, "thread_hops": 0, "statuses": [200] * 60}


def test_the_counter_counts(template, vendor, tmp_path):
    """A token that memory does not know is looked up once: one hop, and the queries behind it."""
    gateway = GatewayProcess(template, tmp_path / "gateway", vendor.url)
    other = GatewayProcess(template, tmp_path / "other", vendor.url)
    token = other.manage("tokens", "issue").strip()
    seen = carry(gateway, token, 1)
    assert seen["statuses"] == [401] * 3
    assert seen["queries"] > 0
    assert seen["thread_hops"] > 0
