"""`--json` at every subcommand of `router`, as the parser itself lists them: what is printed is JSON, refusals too."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from gateway.management.program import COMMANDS, Parser, main, parser_of
from tests.fakes.server import Answer, FakeServer
from tests.gateway.alerts.making import HERE
from tests.harness import ROOT, base_environment

POLICY = {"env": {"EDITOR": "ed"}}
GOOD: tuple[str, ...] = (
    "tokens issue --label one",
    "tokens list",
    "tokens show ID",
    "tokens change ID --label two",
    "tokens rotate ID",
    "tokens revoke ID",
    "tokens expire ID",
    "tokens export FOLDER/out",
    "tokens import FOLDER/out",
    "groups add team",
    "groups list",
    "groups show team",
    "groups change team --budget 5 --budget-period day",
    "policies set team --file FOLDER/policy.json",
    "policies list",
    "policies show team",
    "policies remove team",
    "groups remove team",
    "setup-link",
    "people add ann@example.org",
    "people list",
    "people show ann@example.org",
    "people change ann@example.org --name Ann",
    "people sign-out ann@example.org",
    "people remove ann@example.org",
    "providers add --name there --base-url URL/v1 --api-key k",
    "providers list",
    "providers show there",
    "providers test there",
    "providers clear there",
    "providers import FOLDER/providers.json",
    "accounts add --name env --source environment --location SOME_KEY --provider there",
    "accounts list",
    "accounts show env",
    "accounts test env",
    "accounts pause env",
    "accounts resume env",
    "accounts clear env",
    "accounts strategy",
    "accounts remove env",
    "routes add --model m --provider there",
    "routes list",
    "routes test m",
    "routes remove m",
    "rehearse start --provider there --fault 429 --seconds 5",
    "rehearse list",
    "rehearse end MADE",
    "providers remove there",
    "alerts add-channel ops webhook --target URL/hook",
    "alerts change-channel ops --target URL/hooks",
    "alerts add account-out --channel ops",
    "alerts change MADE --quiet-from 22:00 --quiet-to 07:00",
    "alerts list",
    "alerts test ops",
    "alerts log",
    "alerts remove MADE",
    "alerts remove-channel ops",
    "prices set m --input 1 --output 2",
    "prices list",
    "prices remove m",
    "prices import",
    "payments list",
    "payments reconcile",
    "usage",
    "requests",
    "audit",
    "doctor",
    "federation follow URL/actor",
    "federation following",
    "federation followers",
    "federation deliveries",
    "federation unfollow URL/actor",
    "federation rotate-keys",
    "deliver --once",
    "clients setup codex --write --token-stdin",
    "clients doctor codex",
    "completion bash",
)
"""Each follows from those before it. ID is the token's that was issued last, MADE what else was made last, FOLDER and
URL are the test's own."""
BAD: tuple[str, ...] = (
    "tokens show nobody",
    "tokens issue --ttl-hours 0",
    "tokens import FOLDER/damaged",
    "groups show nothing",
    "policies show nothing",
    "people show nobody@example.org",
    "providers show nothing",
    "accounts show nothing",
    "routes remove nothing",
    "prices remove nothing",
    "usage --month never",
    "requests nothing",
    "audit --from never",
    "clients setup codex --write --url ftp://x",
    "federation follow nonsense",
)
SERVES = "serve"
"""What it prints is seen where it serves: below."""


@functools.cache
def every() -> dict[str, Parser]:
    return {words: parser for name in COMMANDS for words, parser in parser_of(name).lowest(name)}


def command_of(line: str) -> str:
    """Return the subcommand of a line."""
    return max((name for name in every() if line.startswith(name)), key=len)


Run = Callable[[str], tuple[str, str, int]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Callable[..., Any]) -> Iterator[Run]:
    """Run a line with `--json`, parsed as `router` does; return what it printed, what it complained of, its status."""
    for name, text in (
        ("policy.json", json.dumps(POLICY)),
        ("providers.json", '{"providers": [{"name": "other", "base_url": "http://x.test/v1"}]}'),
        ("damaged/tokens.lino", "(token\n"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "codex"))
    monkeypatch.setenv("SOME_KEY", "k")
    options(EGRESS_ALLOWED_NETWORKS=HERE)
    last = {"ID": "", "MADE": ""}
    with FakeServer(
        lambda seen: Answer(200, [("content-type", "application/json")], [b'{"data": []}'])
    ) as there:

        def call(line: str) -> tuple[str, str, int]:
            for mark, value in (("FOLDER", str(tmp_path)), ("URL", there.url), *last.items()):
                line = re.sub(rf"\b{mark}\b", value, line)
            out, err, status = _printed(line, monkeypatch)
            if line.startswith("tokens issue") and not status:
                last["ID"] = json.loads(out)["id"]
            if line.startswith(("rehearse start", "alerts add ")) and not status:
                last["MADE"] = str(json.loads(out)["id"])
            return out, err, status

        yield call


def _printed(line: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, int]:
    name, *given = [*shlex.split(line), "--json"]
    known, out, err = COMMANDS[name], io.StringIO(), io.StringIO()
    monkeypatch.setattr("sys.stdin", io.StringIO("la_sk_given\n"))
    if not known.runs:
        with contextlib.redirect_stdout(out):
            main([name, *given])
        return out.getvalue(), "", 0
    usual: dict[str, Any] = {"force_color": False, "no_color": True, "verbosity": 1, "traceback": False}
    command = import_module(known.runs).Command(stdout=out, stderr=err)
    try:
        command.execute(**usual, **vars(parser_of(name).parse_args(given)))
    except SystemExit as end:
        return out.getvalue(), err.getvalue(), int(str(end.code or 0))
    return out.getvalue(), err.getvalue(), 0


def test_every_subcommand_takes_it_and_is_run_below() -> None:
    lacking = [name for name, parser in every().items() if "--json" not in parser.options()]
    assert lacking == []
    assert {command_of(line) for line in GOOD} == {*every()} - {SERVES}


MAY_FIND = ("doctor", "clients doctor codex", "accounts test env", "payments reconcile")
"""Reports that end with 1 when they have found something."""


@pytest.mark.django_db(transaction=True)
def test_what_it_prints_is_json(run: Run) -> None:
    for line in GOOD:
        out, err, status = run(line)
        assert status == 0 or line in MAY_FIND, f"{line}: {status} {err}"
        assert isinstance(json.loads(out), (dict, list)), line


@pytest.mark.django_db
@pytest.mark.parametrize("line", BAD)
def test_a_refusal_is_json_on_standard_error(run: Run, line: str) -> None:
    out, err, status = run(line)
    assert status in (1, 2), (line, out, err)
    told = json.loads(err)
    assert set(told) == {"error"} and told["error"] and not told["error"].startswith("error")


def test_serve_prints_where_it_listens(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(ROOT / "manage.py"),
        "serve",
        "--json",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
    ]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=base_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        process.terminate()
        assert process.stdout.read() == b""
    assert told["health"] == f"{told['listening']}/health" and process.returncode == 0
