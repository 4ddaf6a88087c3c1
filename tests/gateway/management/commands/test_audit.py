"""`manage.py audit`."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command

from gateway.models import AuditRow
from tests.gateway.audit.making import KEY, entry

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str, int]:
    out, err = StringIO(), StringIO()
    try:
        call_command("audit", *arguments, stdout=out, stderr=err, no_color=True)
    except SystemExit as exit_:
        return out.getvalue(), err.getvalue(), int(exit_.code or 0)
    return out.getvalue(), err.getvalue(), 0


def test_entries_as_a_table_and_as_json() -> None:
    entry(at="2026-11-28T09:00:00+00:00")
    entry("token.issue", "token:1", of=KEY, at="2026-11-29T14:36:00+00:00")
    head, first, second = run()[0].splitlines()
    assert head.split() == ["at", "who", "via", "action", "subject", "changed"]
    assert first.split("  ")[0] == "2026-11-29T14:36:00Z" and "key" in first and "token:1" in first
    assert "person ann@example.org" in second and second.endswith("weight 1 -> 2")
    shown = json.loads(run("--to", "2026-11-28", "--json")[0])
    assert [row["subject"] for row in shown["data"]] == ["account:a"]
    assert (shown["has_more"], shown["next_after"]) == (False, None)
    assert json.loads(run("--limit", "1", "--json")[0])["has_more"] is True


def test_all_of_it_as_lines_is_an_entry_too() -> None:
    entry()
    lines = [json.loads(line) for line in run("--jsonl", "--action", "account.change")[0].splitlines()]
    assert [line["subject"] for line in lines] == ["account:a"]
    assert AuditRow.objects.get(action="audit.export").via == "command"


@pytest.mark.parametrize("arguments", [("--via", "post"), ("--from", "x"), ("--limit", "0")])
def test_a_wrong_filter_is_named(arguments: tuple[str, str]) -> None:
    out, err, status = run(*arguments)
    assert (out, status) == ("", 2)
    assert err.startswith("error: ") and arguments[0].lstrip("-") in err
