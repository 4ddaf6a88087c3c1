"""Fixtures of federation: our address, loopback allowed, another server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from forgefed import remote
from tests.forgefed.peers import Peer
from tests.forgefed.recorded import BASE


@pytest.fixture
def federation(settings, options) -> None:
    """Serve at BASE, and allow loopback: the peers of the tests are there."""
    settings.ACTOR_BASE_URL = BASE
    settings.FEDERATION_PEERS = ()
    options(EGRESS_ALLOWED_NETWORKS=("127.0.0.1/32",))
    remote.LIMIT.clear()


@pytest.fixture
def peer(federation: None) -> Iterator[Peer]:
    with Peer() as peer:
        yield peer
