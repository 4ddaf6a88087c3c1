"""`router rehearse`; that servers take it over: tests/e2e/test_alerts.py."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from accounts import services as accounts
from gateway.models import AuditRow
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> tuple[str, str, int]:
    out, err = StringIO(), StringIO()
    try:
        call_command("rehearse", *arguments, stdout=out, stderr=err, no_color=True)
    except SystemExit as exit_:
        return out.getvalue(), err.getvalue(), int(exit_.code or 0)
    return out.getvalue(), err.getvalue(), 0


def told(*arguments: str) -> Any:
    out, err, status = run(*arguments, "--json")
    assert (err, status) == ("", 0)
    return json.loads(out)


def test_one_is_started_listed_and_ended() -> None:
    accounts.add(
        {"name": "work", "source": "api_key", "secret": "sk-ant-api03-CANARY0123456789"}, principal=SOMEBODY
    )
    made = told("start", "--account", "work", "--fault", "429", "--calls", "3")
    assert (made["account"], made["fault"], made["left"]) == ("work", "429", 3)
    assert [row["id"] for row in told("list")["data"]] == [made["id"]]
    assert run("list")[0].splitlines()[1].split() == [
        made["id"],
        "429",
        "account",
        "work",
        "3",
        made["ends_at"],
    ]
    assert told("end", made["id"]) == {"ended": made["id"]} and told("list")["data"] == []
    rows = AuditRow.objects.filter(action__startswith="rehearsal.").order_by("pk")
    assert [(row.action, row.who_kind) for row in rows] == [
        ("rehearsal.start", "command"),
        ("rehearsal.end", "command"),
    ]


def test_what_can_not_be_is_said_with_a_status() -> None:
    assert run("end", "reh_none")[2] == 2
    for where in ("--account", "--provider"):
        out, err, status = run("start", where, "nobody", "--fault", "429")
        assert (out, status) == ("", 2) and "nobody" in err
    accounts.add(
        {"name": "work", "source": "api_key", "secret": "sk-ant-api03-CANARY0123456789"}, principal=SOMEBODY
    )
    out, err, status = run("start", "--account", "work", "--fault", "cut", "--seconds", "601")
    assert (out, status) == ("", 1) and "seconds" in err
