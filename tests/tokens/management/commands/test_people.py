from __future__ import annotations

import json
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from tests.second_factor import give
from tests.sign_ins import sign_in
from tokens.people import services

pytestmark = pytest.mark.django_db
ANN = "ann@example.org"


def run(*arguments: str) -> tuple[str, str, int]:
    out, err = StringIO(), StringIO()
    try:
        call_command("people", *arguments, stdout=out, stderr=err, no_color=True)
    except SystemExit as exit_:
        return out.getvalue(), err.getvalue(), int(exit_.code or 0)
    return out.getvalue(), err.getvalue(), 0


def test_the_life_of_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    call_command("groups", "add", "dev", "--member-budget=9", stdout=StringIO())
    call_command("groups", "add", "ops", "--priority=1", stdout=StringIO())
    monkeypatch.setattr("sys.stdin", StringIO("correct horse battery\n"))
    assert run("add", ANN, "--group=dev", "--group=ops", "--password-stdin")[0] == f"added {ANN}\n"
    assert User.objects.get().check_password("correct horse battery")
    assert run("list")[0].splitlines()[1].split() == [ANN, "active", "local", "ops,dev"]
    sign_in(services.get(ANN))
    assert len(json.loads(run("show", ANN)[0])["sign_ins"]) == 1
    changed = json.loads(run("change", ANN, "--budget=5", "--group=dev", "--staff", "--json")[0])
    assert (changed["budget"], changed["groups"], changed["is_staff"]) == ("5", ["dev"], True)
    assert json.loads(run("change", ANN, "--clear=budget", "--no-groups", "--json")[0])["groups"] == []
    assert run("sign-out", ANN)[0] == "ended 1 sign-in(s)\n"
    assert json.loads(run("change", ANN, "--inactive", "--json")[0])["active"] is False
    assert json.loads(run("change", ANN, "--active", "--json")[0])["active"] is True
    assert run("remove", ANN)[0] == f"removed {ANN}\n"
    assert run("show", ANN) == ("", f"not found: {ANN}\n", 2)


def test_what_is_wrong_is_told() -> None:
    assert run("add", "nobody")[1:] == ("error: email: must be an e-mail address\n", 1)
    run("add", ANN)
    assert run("add", ANN)[1:] == ("error: There is a person with this address already\n", 1)
    assert run("change", ANN, "--group=missing")[2] == 1
    assert run("change", ANN, "--clear=colour")[1] == "error: colour: unknown field\n"


def test_a_second_factor_is_switched_off() -> None:
    run("add", ANN)
    give(User.objects.get(email=ANN), "A" * 32)
    assert json.loads(run("show", ANN)[0])["totp"] is True
    assert run("change", ANN, "--no-totp")[1:] == ("", 0)
    assert json.loads(run("show", ANN)[0])["totp"] is False
