"""Every page over a few thousand calls: how many queries it asks, and how much a first visit loads."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import console_pages, console_rows
from bench.console import LINKED, MOST_BYTES, MOST_QUERIES, ONLY_A_FORM
from gateway.models import DailyUsage, ExchangeRow, HourlyUsage
from tests.gateway.console.pages.people import browser, serve

pytestmark = pytest.mark.django_db
CALLS = 3_000
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def filled(options: Callable[..., Any], tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path, CLAUDE_CODE_HOME=str(tmp_path / "none"))
    console_rows.fill(CALLS, 40, 60)
    serve()


def asked(client: Client, address: str) -> tuple[int, list[str]]:
    """Return the status of an answer, and what was asked of the database for it."""
    with CaptureQueriesContext(connection) as queries:
        status = client.get(address).status_code
    return status, [query["sql"][:200] for query in queries]


def test_every_page_asks_little(filled: None) -> None:
    admin = browser()
    admin.get("/console/")
    over, pages = {}, 0
    for address in console_pages.everything():
        status, queries = asked(admin, address)
        assert status in (200, *ONLY_A_FORM), address
        pages += status == 200
        if len(queries) > MOST_QUERIES:
            over[address] = queries
    assert over == {}
    assert pages > 100
    for role, address in (("viewer", "/console/"), ("operator", "/console/"), ("developer", "/me/")):
        client = browser(role, is_staff=role != "developer")
        status, queries = asked(client, address)
        assert (status, len(queries) <= MOST_QUERIES) == (200, True), queries


def test_a_page_that_nobody_can_ask_for_is_told(filled: None) -> None:
    known = console_pages.examples()
    assert (
        console_pages.filled("console/requests/<str:request_id>/", known)
        == f"console/requests/{known['request_id']}/"
    )
    assert console_pages.filled("console/alerts/<str:kind>/<str:name>/<str:action>/", known) is None
    with pytest.raises(LookupError, match="'thing' in console/things"):
        console_pages.filled("console/things/<str:thing>/", known)


@pytest.mark.parametrize(
    "address", ["/console/", "/console/?span=30d", "/console/usage/?by=day", "/me/", "/admin/"]
)
def test_a_first_visit_loads_little(filled: None, address: str) -> None:
    client = browser()
    answer = client.get(address)
    linked = set(LINKED.findall(answer.content.decode()))
    files = [client.get(each).getvalue() for each in linked]
    assert linked and all(files)
    assert len(answer.content) + sum(map(len, files)) <= MOST_BYTES


def test_the_sums_of_the_bench_are_those_of_its_calls(filled: None) -> None:
    calls = ExchangeRow.objects.all()
    assert calls.count() == sum(row.requests for row in DailyUsage.objects.all()) == CALLS
    assert sum(row.output_tokens for row in DailyUsage.objects.all()) == sum(
        row.output_tokens for row in calls
    )
    assert 40 < sum(row.calls for row in HourlyUsage.objects.all()) <= CALLS


MEMORY = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from bench import console_rows
console_rows.fill(12_000, 30, 200)
import os
import re
import subprocess
import sys
from pathlib import Path
from datetime import UTC, date, datetime, timedelta
from gateway.usage.reporting import csv, question
today = datetime.now(UTC).date()
asked = {"from": str(today - timedelta(days=30)), "to": str(today), "by": "token,account,day"}
def resident(name):
    return int(Path("/proc/self/status").read_text().split(name)[1].split()[0]) / 1024
def export():
    return sum(len(piece) for piece in csv.export(question.read(asked, today), principal=console_rows.GATEWAY))
next(csv.export(question.read(asked, today), principal=console_rows.GATEWAY))
before = resident("VmRSS:")
Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
size = export()
print("EXPORTED", size, round(resident("VmHWM:") - before))
"""


def test_a_months_file_is_made_in_little_memory(tmp_path: Path) -> None:
    settings = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path),
        "TOKEN_SECRET": "of-a-test-0123456789-0123456789-0123456789",
        "DJANGO_SETTINGS_MODULE": "gateway.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", MEMORY],
        env=settings,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    told = re.search(r"EXPORTED (\d+) (\d+)", done.stdout)
    assert told is not None, done.stderr
    size, grown = map(int, told.groups())
    assert size > 1_000_000
    assert grown <= 15
