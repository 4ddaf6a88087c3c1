"""The program `router` as one meets it on a terminal: help, typing errors, exit statuses. Real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands

from gateway import VERSION
from gateway.config.table import table
from gateway.management.program import COMMANDS
from tests import warm
from tests.harness import PATIENCE

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = "import sys; from gateway.management import program; program.{}(sys.argv[1:])"
LOADED = "import atexit, sys; atexit.register(lambda: print('LOADED', *sys.modules, file=sys.stderr)); "
SECRET = "CANARY-0b8f5c6e2d1a4f7c9b3e8d6a5f4c2b1e"


def run(
    directory: Path, *arguments: str, program: str = "main", before: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    own = {"HOME": str(directory), "ROUTER_HOME": str(directory), "PYTHONPATH": str(ROOT)}
    words = ["-c", before + PROGRAM.format(program), *arguments]
    if not before:
        done = warm.run(words, directory, {**kept, **own, **settings}, PATIENCE)
        return subprocess.CompletedProcess(words, *done)
    return subprocess.run(  # in an interpreter that has imported nothing else
        [sys.executable, *words],
        cwd=directory,
        env={**kept, **own, **settings},
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_help_lists_our_commands_and_every_option_and_none_of_djangos(tmp_path: Path) -> None:
    result = run(tmp_path, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    for option in table().values():
        assert f"  {option.flag}" in result.stdout
    for command in COMMANDS:
        assert f"    {command}" in result.stdout
    for word in ("createsuperuser", "--settings", "--pythonpath", "--traceback", "--no-color"):
        assert word not in result.stdout
    assert run(tmp_path, "-h").stdout == run(tmp_path, "help").stdout == result.stdout


def test_every_command_of_ours_is_known() -> None:
    apps = ("gateway", "tokens", "accounts", "providers", "forgefed")
    ours = {name.replace("_", "-") for name, app in get_commands().items() if app in apps} - {"runserver"}
    assert ours and ours <= set(COMMANDS)


def test_without_a_command_it_tells_what_there_is_and_ends_with_2(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert "tokens" in result.stderr


def test_the_references_name_serves_without_a_command(tmp_path: Path) -> None:
    result = run(tmp_path, program="reference_main", TOKEN_SECRET=SECRET)
    assert result.returncode == 2  # for it would listen on a public address without an admin key
    assert "TOKEN_ADMIN_KEY is not set" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("tokns", "list"), "there is no command 'tokns'\n  did you mean tokens?"),
        (("tokens", "isue"), "invalid choice: 'isue'"),
        (("tokens", "isue"), "did you mean issue?"),
        (("tokens", "list", "--stat", "active"), "did you mean --state?"),
        (("tokens", "list", "--prot", "1"), "did you mean --port?"),
        (("--prot", "1"), "unexpected argument '--prot'\n  did you mean --port?"),
        (("providers", "add"), "the following arguments are required: --name"),
        (("tokens", "issue", "--ttl-hours", "x"), "argument --ttl-hours: invalid int value: 'x'"),
        (("xyzzy",), "there is no command 'xyzzy'\nusage"),
        (("help", "tokns"), "there is no command 'tokns'"),
        (("completion", "zhs"), "did you mean zsh?"),
    ],
)
def test_usage_errors_need_no_configuration_and_say_what_was_meant(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = run(tmp_path, *arguments, STORAGE_POLICY="wrong")
    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr


@pytest.mark.parametrize("arguments", [(), ("--port", "9000")])
def test_manage_py_without_a_command_helps_and_starts_nothing(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    result = run(tmp_path, *arguments, program="manage_main", TOKEN_SECRET=SECRET, TOKEN_ADMIN_KEY="k" * 32)
    assert (result.returncode, result.stdout) == (2, "")
    assert "usage: manage.py" in result.stderr and "start the HTTP server" in result.stderr


def test_manage_py_knows_djangos_commands_too(tmp_path: Path) -> None:
    for arguments, said in (
        (("tokns",), "did you mean tokens?"),
        (("migrat",), "no command 'migrat'"),
        (("migrate", "--nonsense"), "unrecognized arguments"),
    ):
        result = run(tmp_path, *arguments, program="manage_main", TOKEN_SECRET=SECRET)
        assert (result.returncode, said in result.stderr) == (2, True), result.stderr
    assert run(tmp_path, "diffsettings", program="manage_main", TOKEN_SECRET=SECRET).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("tokens", "issue", "--help"),
        ("--version",),
        ("completion", "bash"),
        ("completion", "zsh", "--json"),
        (),
        ("tokns",),
        ("--prot", "1"),
        ("tokens", "lst"),
        ("tokens", "list", "--lable", "x"),
    ],
)
def test_help_sets_up_no_django(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    loaded = run(tmp_path, *arguments, before=LOADED).stderr.partition("LOADED ")[2].split()
    assert loaded and not {"django.apps", "django.db", "django.core.management", "httpx"} & set(loaded)


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (("tokens", "help"), ("tokens", "--help")),
        (("tokens", "help", "issue"), ("tokens", "issue", "--help")),
        (("help", "tokens", "issue"), ("tokens", "issue", "--help")),
    ],
)
def test_help_is_a_command_at_every_level(
    tmp_path: Path, arguments: tuple[str, ...], asked: tuple[str, ...]
) -> None:
    result = run(tmp_path, *arguments)
    assert (result.returncode, result.stdout) == (0, run(tmp_path, *asked).stdout)
    refused = (
        run(tmp_path, *arguments[:-1], "isue")
        if arguments[-1] == "issue"
        else run(tmp_path, "doctor", "help")
    )
    assert (refused.returncode, refused.stdout) == (2, "")


HEAVY = ("ninja", "pydantic", "django.contrib.admin", "uvicorn", "daphne", "gateway.urls", "gateway.asgi")
READING = (
    "tokens list", "groups list", "people list", "policies list", "accounts list", "providers list", "routes list",
    "prices list", "payments list", "usage", "requests", "audit", "federation following",
)  # fmt: skip


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("migrated")
    assert run(folder, "migrate", program="manage_main", TOKEN_SECRET=SECRET).returncode == 0
    return folder


@pytest.mark.parametrize("command", READING)
def test_commands_on_rows_load_no_pages_and_no_servers(migrated: Path, command: str) -> None:
    result = run(migrated, *command.split(), "--json", before=LOADED, TOKEN_SECRET=SECRET)
    said, _, loaded = result.stderr.partition("LOADED ")
    assert (result.returncode, said) == (0, "")
    assert json.loads(result.stdout) is not None
    assert not set(HEAVY) & set(loaded.split())


def test_versions(tmp_path: Path) -> None:
    for flag in ("--version", "-V"):
        assert run(tmp_path, flag).stdout == f"link-assistant-router {VERSION}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_knows_commands_and_their_flags(tmp_path: Path, shell: str) -> None:
    result = run(tmp_path, "completion", shell)
    assert result.returncode == 0
    assert all(word in result.stdout for word in ("tokens", "rotate", "--grace-seconds", "--port"))


def test_a_command_without_secret_says_so(tmp_path: Path) -> None:
    result = run(tmp_path, "tokens", "list")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "Configuration error: TOKEN_SECRET environment variable is required\n"
