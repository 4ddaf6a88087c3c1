"""`manage.py requests`."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import call_command

from gateway.exchange.exchange import Refusal, Try
from tests.gateway.usage.requests.making import call

pytestmark = pytest.mark.django_db


def run(*given: str) -> tuple[str, str, int]:
    out, err = StringIO(), StringIO()
    try:
        call_command("requests", *given, stdout=out, stderr=err, no_color=True)
    except SystemExit as exit_:
        return out.getvalue(), err.getvalue(), int(exit_.code or 0)
    return out.getvalue(), err.getvalue(), 0


def test_calls_as_a_table_and_as_json() -> None:
    ok = call()
    words, tries = Refusal("overloaded_error", "busy"), (Try("anthropic", "a", 529, "busy", 1.0),)
    failed = call(status=529, upstream_refusal=words, tries=tries)
    head, first, second = run()[0].splitlines()
    assert head.startswith("id ") and first.startswith(failed) and second.startswith(ok)
    assert first.endswith("overloaded_error: busy")
    assert [row["id"] for row in json.loads(run("--status", "failed", "--json")[0])["data"]] == [failed]
    assert [row["id"] for row in json.loads(run("--limit", "1", "--json")[0])["data"]] == [failed]
    assert run("--slower-than", "100")[0].count("\n") == 1


def test_one_call_is_explained() -> None:
    own = call(status=499)
    out = run(own)[0]
    assert out.startswith(own) and "The client left before the answer was complete." in out
    assert json.loads(run(own, "--json")[0])["id"] == own
    assert run("0190f0f0-0000-7000-8000-000000000000") == ("", "error: there is no such call\n", 2)


@pytest.mark.parametrize(
    "given", [("--status", "x"), ("--slower-than", "x"), ("--to", "x"), ("--limit", "0")]
)
def test_a_wrong_filter_is_named(given: tuple[str, str]) -> None:
    out, err, status = run(*given)
    assert (out, status) == ("", 2)
    assert err.startswith("error: ") and given[0].lstrip("-").replace("-", "_") in err
