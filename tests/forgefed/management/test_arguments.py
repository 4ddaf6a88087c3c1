from __future__ import annotations

import argparse

import pytest

from forgefed.management import arguments


def test_every_subcommand_knows_json():
    parser = argparse.ArgumentParser()
    arguments.federation(parser)
    for given in (
        ["following"],
        ["followers"],
        ["deliveries"],
        ["rotate-keys"],
        ["follow", "x"],
        ["unfollow", "x"],
    ):
        assert parser.parse_args([*given, "--json"]).as_json
    with pytest.raises(SystemExit):
        parser.parse_args(["follow"])


def test_deliver():
    parser = argparse.ArgumentParser()
    arguments.deliver(parser)
    assert parser.parse_args(["--once"]).once and not parser.parse_args([]).once
