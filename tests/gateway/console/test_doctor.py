from __future__ import annotations

import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from gateway.console import doctor
from providers import services as providers
from tests import warm
from tests.fakes.postgres import Postgres, binaries
from tests.harness import MANAGE, PATIENCE
from tests.principals import SOMEBODY

SECRET = "0a1b2c3d4e5f60718293a4b5c6d7e8f9-secret"

DEFAULTS = """\
listen_addr            : 0.0.0.0:8080
upstream_base_url      : https://api.anthropic.com
upstream_provider      : Anthropic
openai_provider        : litellm (http://localhost:4000/v1)
crater_inbox           : <unset>
crater_actor           : http://0.0.0.0:8080/actor/code
claude_code_home       : <HOME>/.claude
routing_mode           : Direct
storage_policy         : Both
data_dir               : <HOME>/.link-assistant-router
enable_openai_api      : true
enable_anthropic_api   : true
enable_metrics         : true
additional_account_dirs: 0 configured
admin_key              : <unset>
mpp_openai_charge      : disabled
primary credentials    : <HOME>/.claude/credentials.json (MISSING)
data_dir                : will be created on first write
lino store              : <HOME>/.link-assistant-router/tokens.lino (<empty>)
binary store            : <HOME>/.link-assistant-router/tokens.bin (<empty>)
provider store         : <HOME>/.link-assistant-router/providers.lenv (<empty>)
"""
"""What link-assistant-router 0.18 printed, without its first line."""

EVERYTHING = """\
listen_addr            : 127.0.0.1:1
upstream_base_url      : http://uu/
upstream_provider      : OpenAICompatible
openai_provider        : pp (http://bb/)
crater_inbox           : http://ib
crater_actor           : aa
claude_code_home       : <HOME>/c
routing_mode           : Cli
storage_policy         : Text
data_dir               : <HOME>/d
enable_openai_api      : false
enable_anthropic_api   : false
enable_metrics         : false
additional_account_dirs: 2 configured
admin_key              : set
mpp_openai_charge      : enabled
primary credentials    : <HOME>/c (read by the command line)
extra account 1        : /nonexistent/a (read by the command line)
extra account 2        : /nonexistent/b (read by the command line)
data_dir                : will be created on first write
lino store              : <HOME>/d/tokens.lino (<empty>)
provider store         : <HOME>/d/providers.lenv (<empty>)
"""
"""The same with every variable set (its inbox was the word `ib`; ours must be a URL; `cli` has its own login)."""


def run(home: Path, *arguments: str, **environment: str) -> warm.Ended:
    own = {"HOME": str(home), "ROUTER_HOME": str(home), "PATH": os.environ["PATH"], "TOKEN_SECRET": SECRET}
    return warm.run([MANAGE, "doctor", *arguments], home, {**own, **environment}, PATIENCE)


def findings(output: str) -> dict[str, str]:
    return {line.split(":")[0].rstrip(): line.split(":", 1)[1].strip() for line in output.splitlines()[1:]}


def usable(home: Path) -> dict[str, str]:
    """Set up an environment in which nothing is wrong."""
    (home / ".claude").mkdir()
    (home / ".claude" / ".credentials.json").write_text('{"accessToken": "sk-ant-oat01-nothing-real"}')
    return {"ROUTER_HOME": str(home), "ROUTER_HOST": "127.0.0.1", "DATA_DIR": str(home / "d")}


def test_an_inbox_of_blanks_is_none(tmp_path: Path):
    done = run(tmp_path, CRATER_FORGEFED_INBOX="  ")
    assert findings(done.out)["crater_inbox"] == "<unset>"


def test_defaults_are_told_as_the_reference_tells_them(tmp_path: Path):
    done = run(tmp_path)
    first, rest = done.out.split("\n", 1)
    assert first.startswith("Link.Assistant.Router v")
    assert rest.startswith(DEFAULTS.replace("<HOME>", str(tmp_path)))
    assert done.status == 1  # no credential, and open to everybody
    assert "TOKEN_ADMIN_KEY is not set" in rest


def test_everything_set_is_told_as_the_reference_tells_it(tmp_path: Path):
    done = run(
        tmp_path,
        DATA_DIR=str(tmp_path / "d"),
        CLAUDE_CODE_HOME=str(tmp_path / "c"),
        ROUTER_HOST="127.0.0.1",
        ROUTER_PORT="1",
        TOKEN_ADMIN_KEY="a-key-that-nobody-sees",
        MPP_ENABLE="true",
        MPP_RECIPIENT="r",
        STORAGE_POLICY="text",
        ROUTING_MODE="cli",
        UPSTREAM_PROVIDER="litellm",
        OPENAI_COMPATIBLE_PROVIDER_NAME="pp",
        OPENAI_COMPATIBLE_BASE_URL="http://bb/",
        CRATER_FORGEFED_INBOX="http://ib",
        CRATER_FORGEFED_ACTOR="aa/",
        ACTIVITYPUB_ACTOR_BASE_URL="http://ab/",
        ADDITIONAL_ACCOUNT_DIRS="/nonexistent/a,/nonexistent/b",
        UPSTREAM_BASE_URL="http://uu/",
        DISABLE_OPENAI_API="true",
        DISABLE_ANTHROPIC_API="true",
        DISABLE_METRICS="true",
    )
    assert done.out.split("\n", 1)[1].startswith(EVERYTHING.replace("<HOME>", str(tmp_path)))
    assert "a-key-that-nobody-sees" not in done.out + done.err


def test_nothing_is_created(tmp_path: Path):
    environment = usable(tmp_path)
    done = run(tmp_path, **environment)
    assert done.status == 0, done.out + done.err
    assert "will be created by serve" in findings(done.out)["database"]
    assert not (tmp_path / "d").exists()
    assert "token OK" in findings(done.out)["primary credentials"]
    assert SECRET not in done.out
    assert "sk-ant" not in done.out


def test_a_migrated_database_is_current_and_a_waiting_spool_is_said(tmp_path: Path):
    environment = usable(tmp_path)
    own = {"PATH": os.environ["PATH"], "TOKEN_SECRET": SECRET}
    assert warm.run([MANAGE, "migrate", "-v0"], tmp_path, {**own, **environment}, PATIENCE).status == 0
    (tmp_path / "d" / "usage-x.spool").write_bytes(b"12345")
    found = findings(run(tmp_path, **environment).out)
    assert found["database"].endswith("(sqlite, current)")
    assert "1 files, 5 bytes" in found["usage spool"]


@pytest.mark.parametrize(
    ("name", "content", "label"),
    [("tokens.lino", b"(token x", "lino store"), ("tokens.bin", b"NOTMAGIC....", "binary store")],
)
def test_a_damaged_token_file_is_a_problem(tmp_path: Path, name: str, content: bytes, label: str):
    environment = usable(tmp_path)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / name).write_bytes(content)
    done = run(tmp_path, **environment)
    assert done.status == 1
    assert "DAMAGED" in findings(done.out)[label]


def test_a_database_file_that_is_none_is_a_problem(tmp_path: Path):
    environment = usable(tmp_path)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "router.sqlite3").write_bytes(b"this is no database, whatever its name says" * 50)
    done = run(tmp_path, **environment)
    assert done.status == 1
    assert "AWAY: file is not a database" in findings(done.out)["database"]


@pytest.mark.postgres
def test_a_postgres_that_is_away_is_a_problem_and_its_password_stays_secret(tmp_path: Path):
    if binaries() is None:
        pytest.skip("no PostgreSQL server")
    environment = usable(tmp_path)
    server = Postgres()
    try:
        environment["DATABASE_URL"] = f"postgres://router:hunter2hunter2@/postgres?host={server.directory}"
        server.start()
        waiting = run(tmp_path, **environment)
        server.stop()
        away = run(tmp_path, **environment)
    finally:
        server.close()
    assert "migrations to apply" in findings(waiting.out)["database"]
    assert waiting.status == 0
    assert "AWAY" in findings(away.out)["database"]
    assert away.status == 1
    assert "hunter2" not in waiting.out + away.out + away.err


def test_an_upstream_that_nobody_serves_is_a_problem(options):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # taken, and not listening
        options(UPSTREAM_BASE_URL=f"http://127.0.0.1:{deaf.getsockname()[1]}")
        finding = doctor.ask_upstream()
    assert finding.is_problem
    assert "UNREACHABLE" in finding.text


def test_an_upstream_that_answers_anything_is_reachable(options):
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        options(UPSTREAM_BASE_URL=f"http://127.0.0.1:{server.server_port}")
        finding = doctor.ask_upstream()
        answering.join(10)
    assert not finding.is_problem
    assert "reachable: 501" in finding.text


@pytest.mark.django_db(transaction=True)
def test_providers_are_looked_at_behind_their_store(options, tmp_path: Path):
    options(DATA_DIR=tmp_path)
    providers.upsert({"name": "p", "base_url": "http://p/v1", "api_key_env": "NOWHERE"}, principal=SOMEBODY)
    found = {finding.label.strip(): finding for finding in doctor.report(online=False)}
    assert found["provider p"].is_problem
    assert (
        found["provider p"].text == "openai-compatible at http://p/v1 (enabled, NO KEY: NOWHERE is not set)"
    )
    labels = list(found)
    assert labels.index("provider store") < labels.index("provider p") < labels.index("database")
