"""The nodes of a network: found, filtered, reached through delegates, and only within the egress policy."""

from __future__ import annotations

from typing import Any

import pytest

from providers.gonka import directory as module
from providers.gonka.directory import Directory, NoNodes
from providers.gonka.nodes import Node
from providers.gonka.transport import GonkaTransport
from tests.providers.gonka.calling import call, endpoints, upstream
from tests.providers.gonka.conftest import Network


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
async def test_participants_are_found_whatever_the_source_url_ends_in(
    network: Network, transport: GonkaTransport, ending: str
) -> None:
    nodes = network(3)
    for _ in range(12):
        assert (await call(transport, upstream(nodes[0].url + ending))).status == 200
    assert all(node.verified for node in nodes[1:]) or len(nodes[0].verified) < 12
    asked = [seen.path for seen in nodes[0].seen if b"epochs" in seen.path]
    assert asked == [b"/v1/epochs/current/participants"]


async def test_excluded_and_forbidden_nodes_are_left_out(network: Network, transport: GonkaTransport) -> None:
    first, second, third = network(3)
    first.excluded, first.allowed = [second.address], [second.address, third.address]
    for _ in range(8):
        assert (await call(transport, upstream(first.url))).status == 200
    assert (len(first.verified), len(second.verified), len(third.verified)) == (0, 0, 8)


@pytest.mark.parametrize("allowed", [[], None])
async def test_an_empty_list_of_allowed_addresses_is_no_filter(
    network: Network, transport: GonkaTransport, allowed: Any
) -> None:
    [node] = network(1)
    node.allowed = allowed
    assert (await call(transport, upstream(node.url))).status == 200


async def test_a_list_that_allows_nobody_here_is_told(network: Network, transport: GonkaTransport) -> None:
    [node] = network(1)
    node.allowed = ["gonka1other"]
    told = await call(transport, upstream(node.url))
    assert told.status == 502 and "none of the 1 participants" in told.error["message"]


async def test_a_delegate_is_called_with_the_node_s_own_address_signed(
    network: Network, transport: GonkaTransport
) -> None:
    node, delegate = network(2)
    node.network = [node]
    node.delegates = {f"{delegate.url}/v1": "gonka1delegate"}
    delegate.address = node.address
    assert (await call(transport, upstream(node.url))).status == 200
    assert (len(node.verified), len(delegate.verified)) == (0, 1)
    await call(transport, upstream(node.url))
    assert [seen.path for seen in node.seen].count(b"/v1/identity") == 1


async def test_a_delegate_that_fails_gives_the_node_its_turn(
    network: Network, transport: GonkaTransport
) -> None:
    node, delegate = network(2)
    node.network = [node]
    node.delegates = {delegate.url: "gonka1delegate"}
    delegate.drop(9)
    assert (await call(transport, upstream(node.url))).status == 502
    assert (await call(transport, upstream(node.url))).status == 200
    assert (len(delegate.calls), len(node.verified)) == (1, 1)


async def test_named_nodes_win_over_discovery_and_are_called_as_named(
    network: Network, transport: GonkaTransport, options: Any
) -> None:
    node, other = network(2)
    node.delegates = {other.url: "gonka1x"}
    options(EGRESS_ALLOWED_NETWORKS=())
    assert (await call(transport, upstream(other.url, endpoints=endpoints(node)))).status == 200
    assert other.seen == [] and [seen.path for seen in node.seen] == [b"/v1/chat/completions"]


async def test_participants_outside_the_egress_policy_are_not_called(
    network: Network, transport: GonkaTransport, options: Any
) -> None:
    source, inside = network(2)
    source.network = [inside]
    options(EGRESS_ALLOWED_NETWORKS=())
    told = await call(transport, upstream(source.url))
    assert told.status == 502 and "EGRESS_ALLOWED_NETWORKS" in told.error["message"]
    assert inside.seen == []


async def test_a_source_that_is_away_or_lists_nobody_is_told(
    network: Network, transport: GonkaTransport
) -> None:
    [node] = network(1)
    node.network = []
    told = await call(transport, upstream(node.url))
    assert told.status == 502 and "lists no participant" in told.error["message"]
    told = await call(transport, upstream("http://127.0.0.1:1"))
    assert told.status == 502 and "GONKA_ENDPOINTS" in told.error["message"]
    told = await call(transport, upstream(node.url + "/nowhere"))
    assert told.status == 502 and "404" in told.error["message"]


async def test_nodes_known_so_far_stay_while_the_source_is_away(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    [node] = network(1)
    made = Directory(node.url, "")
    known = await made.nodes()
    assert known == [Node(node.url, node.address)]
    monkeypatch.setattr(module, "PARTICIPANTS", "/gone")
    await made.refresh()
    assert await made.nodes() == known
    await made.aclose()
    with pytest.raises(NoNodes):
        await Directory(node.url, "").nodes()
