"""Networks of stand-in nodes, and a transport that calls them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from providers.client import ClientOptions, Transport
from providers.credentials.secp256k1 import signer
from providers.gonka.transport import GonkaTransport
from tests.fakes.gonka_node import KEY, GonkaNode, join, verifying_key

Network = Callable[..., list[GonkaNode]]


@pytest.fixture
def network(options: Any) -> Iterator[Network]:
    """`network(3)`: nodes of one network that know our key, on loopback, which the egress policy allows."""
    options(EGRESS_ALLOWED_NETWORKS=("127.0.0.0/8",))
    published = {signer(KEY).address: verifying_key(KEY)}
    with ExitStack() as stack:

        def begin(count: int) -> list[GonkaNode]:
            nodes = [
                stack.enter_context(GonkaNode(signer(f"{number + 100:064x}").address, published))
                for number in range(count)
            ]
            join(*nodes)
            return nodes

        yield begin


@pytest.fixture
async def transport() -> AsyncIterator[GonkaTransport]:
    shared = Transport(ClientOptions(connect_timeout_seconds=2.0))
    made = GonkaTransport(shared)
    yield made
    await made.aclose()
    await shared.aclose()
