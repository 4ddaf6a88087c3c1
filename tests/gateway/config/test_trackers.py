"""Addresses of Crater's tracker: what can't be called is told at start, and named."""

from __future__ import annotations

import pytest

from gateway.config import reading, trackers
from gateway.config.options import ConfigurationError
from gateway.config.table import Options


@pytest.mark.parametrize(
    "value", ["not a url", "ftp://h/inbox", "http://", "https://u@h/", "http://[", "/inbox"]
)
@pytest.mark.parametrize("name", ["CRATER_FORGEFED_INBOX", "CRATER_FORGEFED_TARGET"])
def test_a_tracker_that_nobody_can_call_is_told_and_named(name: str, value: str) -> None:
    given = {"UPSTREAM_PROVIDER": "crater", "CRATER_FORGEFED_INBOX": "https://t.example/inbox", name: value}
    with pytest.raises(ConfigurationError, match=rf"^{name} must be a URL"):
        reading.load(given)
    assert reading.load({**given, "UPSTREAM_PROVIDER": "anthropic"})  # nobody calls it


def test_only_what_can_be_called_is_a_peer() -> None:
    options = Options(CRATER_FORGEFED_INBOX="https://t.example/inbox/", CRATER_FORGEFED_TARGET="v")
    assert trackers.callable_ones(options) == ("https://t.example/inbox/",)
    assert trackers.callable_ones(Options()) == ()
