"""The numbers that others rely on."""

import dataclasses

import pytest

from gateway.servers.options import ServeOptions


def test_defaults() -> None:
    options = ServeOptions()
    assert options.max_body_bytes == 33_554_432
    assert options.drain_seconds == 600
    assert options.drain_delay_seconds == 0
    assert options.idle_seconds == 75
    assert options.workers == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.port = 1  # type: ignore[misc]
