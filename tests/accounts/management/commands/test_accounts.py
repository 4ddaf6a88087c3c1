"""Command `accounts`: the reference's table, results alone on standard output, exit codes."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _homes(options: Any, tmp_path: Any) -> None:
    extras = (tmp_path / "a1", tmp_path / "a2")
    options(CLAUDE_CODE_HOME=tmp_path, ADDITIONAL_ACCOUNT_DIRS=extras, ANTHROPIC_API_KEY="")
    for home in (tmp_path, *extras):
        home.mkdir(exist_ok=True)
        (home / "credentials.json").write_text('{"accessToken":"tok-a"}')


def run(
    *arguments: str, stdin: str = "", monkeypatch: pytest.MonkeyPatch | None = None
) -> tuple[str, str, int]:
    out, err, status = io.StringIO(), io.StringIO(), 0
    if monkeypatch is not None:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    try:
        call_command("accounts", *arguments, stdout=out, stderr=err)
    except SystemExit as exit_:
        status = int(exit_.code or 0)
    return out.getvalue(), err.getvalue(), status


def test_the_list_is_the_references_table(tmp_path: Any) -> None:
    assert run("list") == (
        "name              healthy   used    home\n"
        f"primary           true      0       {tmp_path}\n"
        f"account-1         true      0       {tmp_path}/a1\n"
        f"account-2         true      0       {tmp_path}/a2\n",
        "",
        0,
    )


def test_an_account_without_a_token_is_shown_as_it_is(tmp_path: Any) -> None:
    (tmp_path / "a1" / "credentials.json").unlink()
    assert f"account-1         false     0       {tmp_path}/a1\n" in run("list")[0]


def test_add_takes_its_secret_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err, status = run(
        "add",
        "--name",
        "one",
        "--source",
        "api_key",
        "--weight",
        "3",
        stdin="sk-canary\n",
        monkeypatch=monkeypatch,
    )
    assert (err, status) == ("", 0)
    assert json.loads(out)["weight"] == 3 and "canary" not in out
    assert json.loads(run("show", "one", "--json")[0])["name"] == "one"
    out, err, status = run(
        "add", "--name", "one", "--source", "api_key", stdin="sk-canary\n", monkeypatch=monkeypatch
    )
    assert (out, status) == ("", 1) and err.startswith("error: an account named 'one' exists")


def test_add_takes_every_limit_that_the_api_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    new = ("add", "--source", "api_key", "--name")
    caps = ("--request-caps", "50/60", "1000/86400")
    limits = (*caps, "--max-parallel", "4", "--pause-at-percent", "90")
    out, err, status = run(*new, "one", *limits, stdin="k\n", monkeypatch=monkeypatch)
    assert (err, status) == ("", 0)
    view = json.loads(out)
    assert view["request_caps"] == [
        {"requests": 50, "window_seconds": 60},
        {"requests": 1000, "window_seconds": 86400},
    ]
    assert (view["max_parallel"], view["pause_at_percent"]) == (4, 90)
    out, err, status = run(*new, "two", "--request-caps", "0/60", stdin="k\n", monkeypatch=monkeypatch)
    assert (out, status) == ("", 1) and "request_caps: a whole number from 1" in err
    for wrong in ("50", "50/", "a/60", "50/60/7"):
        with pytest.raises(CommandError, match="not REQUESTS/SECONDS"):
            run(*new, "two", "--request-caps", wrong)


def test_actions_say_what_they_did_and_exit_2_for_an_unknown_name(monkeypatch: pytest.MonkeyPatch) -> None:
    run("add", "--name", "one", "--source", "api_key", stdin="k\n", monkeypatch=monkeypatch)
    for action, word in (
        ("pause", "paused"),
        ("resume", "resumed"),
        ("clear", "cleared"),
        ("remove", "removed"),
    ):
        assert run(action, "one") == (f"{word} one\n", "", 0)
        assert run(action, "nobody") == ("", "not found: nobody\n", 2)
    assert run("show", "one") == ("", "not found: one\n", 2)
    assert run("remove", "primary")[2] == 1
    assert Account.objects.filter(name="primary").exists()


def test_json_everywhere() -> None:
    assert [row["name"] for row in json.loads(run("list", "--json")[0])["data"]] == [
        "primary",
        "account-1",
        "account-2",
    ]
    assert json.loads(run("pause", "primary", "--json")[0]) == {"paused": "primary"}


def test_the_strategy_is_shown_set_and_given_back() -> None:
    assert run("strategy") == ("round-robin\n", "", 0)
    assert run("strategy", "weighted") == ("weighted\n", "", 0)
    assert json.loads(run("strategy", "--json")[0]) == {"strategy": "weighted"}
    assert run("strategy", "") == ("round-robin\n", "", 0)
    with pytest.raises(CommandError):
        run("strategy", "by-luck")
