"""`manage.py usage`."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command

from gateway.management import arguments
from gateway.usage.reporting.question import FILTERS
from tests.gateway.usage.reporting.making import few_calls

pytestmark = pytest.mark.django_db


def run(*given: str) -> tuple[str, str, int]:
    out, err = StringIO(), StringIO()
    try:
        call_command("usage", *given, stdout=out, stderr=err, no_color=True)
    except SystemExit as exit_:
        return out.getvalue(), err.getvalue(), int(exit_.code or 0)
    return out.getvalue(), err.getvalue(), 0


def test_every_filter_of_the_api_is_an_option() -> None:
    assert arguments.USAGE_FILTERS == FILTERS


def test_a_table_csv_and_json_tell_the_same() -> None:
    few_calls()
    month = ("--month", "2026-09", "--by", "group")
    title, head, *rows = run(*month)[0].splitlines()
    assert title == "2026-09-01 to 2026-09-30 (UTC)" and head.split()[:2] == ["group", "requests"]
    assert [row.split()[0] for row in rows[:3]] == ["red", "red", "blue"] and len(rows) == 5
    shown = json.loads(run(*month, "--json")[0])
    assert [row["group"] for row in shown["data"]] == ["red", "red", "blue"]
    assert [row["cost"] for row in shown["totals"]] == ["2", "1.6234567891"]
    lines = run(*month, "--csv")[0].split("\r\n")
    assert lines[0].startswith("group,requests,") and lines[1].startswith("red,1,") and len(lines) == 5
    only = json.loads(
        run("--from", "2026-09-22", "--to", "2026-09-22", "--person", "bob@example.org", "--json")[0]
    )
    assert [row["requests"] for row in only["data"]] == [2]


def test_this_month_is_meant_when_none_is_named() -> None:
    assert run("--month")[0] == run()[0]


@pytest.mark.parametrize("given", [("--month", "x"), ("--by", "colour"), ("--sort", "x"), ("--from", "x")])
def test_a_wrong_value_is_named(given: tuple[str, str]) -> None:
    out, err, status = run(*given)
    assert (out, status) == ("", 2)
    assert err.startswith(f"error: {given[0].lstrip('-')}: ")
