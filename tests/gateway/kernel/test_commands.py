"""The frame of the management commands, with a command of the test's own; the real ones have tests beside it."""

import argparse
import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError

from gateway.kernel import commands
from gateway.kernel.arguments import actions
from gateway.kernel.commands import NOT_FOUND, ActionCommand, Failure, columns


class Lost(ValueError):
    pass


def declare(parser: argparse.ArgumentParser) -> None:
    command = actions(parser)
    command("greet", "say it").add_argument("name")
    command("rise", "fail")


class Command(ActionCommand):
    declare = staticmethod(declare)
    failures = (
        Failure(Lost, lambda problem: f"not found: {problem}", NOT_FOUND),
        Failure(ValueError, lambda problem: f"error: {problem}"),
    )
    raises: Exception | None = None
    prepared = 0

    def prepare(self) -> None:
        self.prepared += 1

    def do_greet(self, options: dict[str, Any]) -> None:
        self.say(options, {"name": options["name"]}, ["hello", options["name"]])

    def do_rise(self, options: dict[str, Any]) -> None:
        assert self.raises is not None
        raise self.raises


def run(command: Command, *arguments: str) -> tuple[str, str, int]:
    out, err, status = io.StringIO(), io.StringIO(), 0
    try:
        call_command(command, *arguments, stdout=out, stderr=err)
    except SystemExit as exit_:
        status = int(exit_.code or 0)
    return out.getvalue(), err.getvalue(), status


def test_a_result_for_people_and_as_json() -> None:
    command = Command()
    assert run(command, "greet", "Ünal") == ("hello\nÜnal\n", "", 0)
    assert run(command, "greet", "Ünal", "--json") == ('{\n  "name": "Ünal"\n}\n', "", 0)
    assert command.prepared == 2


def test_a_command_has_a_form_of_json_of_its_own() -> None:
    command = Command()
    command.json_form = {}  # type: ignore[misc]
    out, _, _ = run(command, "greet", "Ünal", "--json")
    assert out == '{"name": "\\u00dcnal"}\n' and json.loads(out) == {"name": "Ünal"}


@pytest.mark.parametrize(
    ("problem", "text", "status"),
    [
        (Lost("x"), "not found: x\n", 2),
        (ValueError("y"), "error: y\n", 1),
        (OperationalError("gone"), "error: database: gone\n", 1),
    ],
)
def test_an_error_of_the_app_is_told_on_standard_error(problem: Exception, text: str, status: int) -> None:
    command = Command()
    command.raises = problem
    assert run(command, "rise") == ("", text, status)


def test_an_error_that_nobody_expects_is_not_hidden() -> None:
    command = Command()
    command.raises = KeyError("a defect")
    with pytest.raises(KeyError):
        run(command, "rise")


@pytest.mark.parametrize("arguments", [(), ("nope",), ("greet",)])
def test_a_wrong_usage_does_nothing(arguments: tuple[str, ...]) -> None:
    command = Command()
    with pytest.raises(CommandError):  # from a command line: usage, and exit status 2
        run(command, *arguments)
    assert command.prepared == 0


def test_columns_leave_the_last_cell_free() -> None:
    assert columns(("a", "bb", "c c"), (3, 1)) == "a    bb  c c"
    with pytest.raises(ValueError):
        columns(("a", "b"), (3, 1))


@pytest.mark.parametrize(("given", "secret"), [("s3cret \nmore\n", "s3cret "), ("s\r\n", "s"), ("", "")])
def test_a_secret_is_one_line_of_standard_input(
    monkeypatch: pytest.MonkeyPatch, given: str, secret: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(given))
    assert commands.read_secret("API key") == secret
