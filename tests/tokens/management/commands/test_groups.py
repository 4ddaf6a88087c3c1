from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str, int]:
    out, err = StringIO(), StringIO()
    try:
        call_command("groups", *arguments, stdout=out, stderr=err, no_color=True)
    except SystemExit as exit_:
        return out.getvalue(), err.getvalue(), int(exit_.code or 0)
    return out.getvalue(), err.getvalue(), 0


def test_the_life_of_groups() -> None:
    assert run("add", "company")[0] == "added company\n"
    made = json.loads(run("add", "team", "--parent=company", "--budget=5", "--json")[0])
    assert (made["parent"], made["budget"], made["budget_currency"]) == ("company", "5", "USD")
    assert run("list")[0] == "company  -  0 token(s)\nteam  company  0 token(s)\n"
    changed = json.loads(run("change", "team", "--max-requests=3", "--clear=budget", "--json")[0])
    assert (changed["max_requests"], changed["budget"]) == (3, None)
    shown = json.loads(run("show", "team")[0])
    assert shown["usage"]["requests"] == 0
    assert run("change", "team", "--rename=crew")[0] == "changed crew\n"
    assert run("remove", "company")[2] == 1
    assert run("remove", "crew")[0] == "removed crew\n"
    assert run("show", "crew") == ("", "not found: crew\n", 2)
    assert run("add", "company")[1] == "error: name: a group with this name exists\n"
    assert run("change", "company", "--clear=colour")[1] == "error: colour: unknown field\n"
