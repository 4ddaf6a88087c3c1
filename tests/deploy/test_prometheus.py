"""The alert rules and the dashboard: only metrics that exist, tried by Prometheus' own tool, answered by a real one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.vendor import Vendor
from tests.harness import ADMIN_KEY, GatewayProcess, prepare
from tests.ports import free_port
from tests.rawhttp import ask

ROOT = Path(__file__).resolve().parents[2] / "deploy"
RULES, BOARD = ROOT / "prometheus" / "alerts.yml", ROOT / "grafana" / "dashboard.json"
PROMTOOL, PROMETHEUS = shutil.which("promtool"), shutil.which("prometheus")
DEADLINE = 60.0
LATER = {
    "link_assistant_redis_up", "link_assistant_account_quota_used_ratio", "link_assistant_upstream_errors_total",
    "link_assistant_refused_total", "link_assistant_provider_cooldown_seconds",
}  # fmt: skip
"""Metrics that only some gateways show, or only after something has happened."""


def expressions() -> list[str]:
    """Every query of the dashboard, for all jobs."""
    board = json.loads(BOARD.read_text())
    found = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return [each.replace("$job", ".*") for each in found]


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian: prometheus)")
def test_the_alert_rules_do_what_their_own_tests_say() -> None:
    for command in (["check", "rules", "alerts.yml"], ["test", "rules", "tests.yml"]):
        done = subprocess.run(
            [str(PROMTOOL), *command],
            cwd=RULES.parent,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_is_tried() -> None:
    named = set(re.findall(r"alert: (\w+)", RULES.read_text()))
    tried = set(re.findall(r"alertname: (\w+)", (RULES.parent / "tests.yml").read_text()))
    assert named == tried and len(named) >= 10


def test_the_dashboard_fits_together() -> None:
    board = json.loads(BOARD.read_text())
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids) >= 15
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24 and panel["datasource"]["uid"] == "${datasource}"


@contextmanager
def prometheus(home: Path, port: int) -> Iterator[str]:
    """A real Prometheus that asks a gateway every second; gives its address."""
    own = free_port()
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {
                "job_name": "router",
                "authorization": {"credentials": ADMIN_KEY},
                "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
            }
        ],
    }
    (home / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    command = [
        str(PROMETHEUS), f"--config.file={home / 'prometheus.yml'}", f"--storage.tsdb.path={home / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{own}", "--log.level=error",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{own}"
    finally:
        process.kill()
        process.wait()


def query(base: str, expression: str) -> Any:
    address = f"{base}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(address, timeout=30) as answer:
        return json.loads(answer.read())


def until_answered(base: str, expression: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            if query(base, expression)["data"]["result"]:
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            pass
        assert time.monotonic() < deadline, f"no answer: {expression}"
        time.sleep(0.2)


@pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed (Debian: prometheus)")
def test_a_real_prometheus_answers_every_query_of_the_dashboard(tmp_path: Path) -> None:
    body = json.dumps(
        {"model": "claude-opus-4-7", "max_tokens": 16, "messages": [{"role": "user", "content": "hi"}]}
    ).encode()
    with Vendor() as vendor:
        place = prepare(tmp_path / "gateway")
        with GatewayProcess(place, place, vendor.url) as gateway:
            admin = (("authorization", f"Bearer {ADMIN_KEY}"), ("content-type", "application/json"))
            token = ask(gateway.port, "POST", "/api/tokens", admin, b"{}").json()["token"]
            caller = (("authorization", f"Bearer {token}"), ("content-type", "application/json"))
            assert ask(gateway.port, "POST", "/v1/messages", caller, body).status == 200
            shown = ask(gateway.port, "GET", "/metrics", admin).body.decode()
            known = {
                sample.name for family in text_string_to_metric_families(shown) for sample in family.samples
            }
            named = set(re.findall(r"link_assistant_\w+", " ".join(expressions()) + RULES.read_text()))
            assert named <= known | LATER, "metrics that the gateway does not have"
            with prometheus(tmp_path, gateway.port) as base:
                until_answered(base, "rate(link_assistant_requests_total[5m])")
                for expression in expressions():
                    answer = query(base, expression)
                    assert answer["status"] == "success", expression
                    if not any(name in expression for name in LATER):
                        until_answered(base, expression)
