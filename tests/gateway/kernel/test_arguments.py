"""Subcommands, each with `--json`."""

import argparse

import pytest

from gateway.kernel.arguments import actions, comma_list


def test_every_subcommand_has_json_and_one_is_needed() -> None:
    parser = argparse.ArgumentParser(prog="x")
    command = actions(parser)
    command("list", "what there is").add_argument("--names", type=comma_list)
    command("show", "one")
    parsed = parser.parse_args(["list", "--json", "--names", "a,b"])
    assert (parsed.action, parsed.as_json, parsed.names) == ("list", True, ["a", "b"])
    assert not parser.parse_args(["show"]).as_json
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args([])
