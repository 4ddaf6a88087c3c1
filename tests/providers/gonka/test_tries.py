"""One node after the other: each try signed for its node, and what is told when none answers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from providers.credentials.secp256k1 import signer
from providers.gonka.transport import GonkaTransport
from tests.fakes.gonka_node import KEY, GonkaNode, said
from tests.fakes.server import CUT, Answer, Seen
from tests.providers.gonka.calling import ASK, call, endpoints, upstream
from tests.providers.gonka.conftest import Network

REFUSALS = [
    (403, "Transfer Agent not allowed"),
    (410, "Gone"),
    (429, "Transfer Agent capacity reached"),
    (500, "x"),
    (503, "x"),
]


def never(*nodes: GonkaNode) -> dict[str, str]:
    return {"endpoints": endpoints(*nodes)}


async def test_a_signed_call_is_taken(network: Network, transport: GonkaTransport) -> None:
    [node] = network(1)
    told = await call(transport, upstream(node.url, **never(node)))
    assert (told.status, told.text) == (200, "You said: hi")
    [seen] = node.verified
    assert seen.body == json.dumps(ASK).encode()
    assert {name.decode().lower() for name, _ in seen.headers} - {"x-stand-in"} == {
        "host", "content-length", "content-type", "authorization", "x-requester-address", "x-timestamp",
    }  # fmt: skip


@pytest.mark.parametrize(("status", "message"), REFUSALS)
async def test_another_node_serves_after_a_refusal(
    network: Network, transport: GonkaTransport, status: int, message: str
) -> None:
    nodes = network(3)
    for node in nodes:
        node.refuse(status, message)
    good = nodes[0]
    good.forgive()
    for _ in range(3):
        assert (await call(transport, upstream(good.url, **never(*nodes)))).status == 200
    assert len(good.verified) == 3
    assert sum(len(node.calls) for node in nodes[1:]) <= 2  # those that failed of late go last


async def test_another_node_serves_after_silence(network: Network, transport: GonkaTransport) -> None:
    first, second, good = network(3)
    first.drop(9)
    second.play(*[lambda seen: Answer(200, [("content-type", "application/json")], [CUT], length=9)] * 9)
    text = f"{endpoints(first, second, good)},http://127.0.0.1:1;gonka1nobody"
    for _ in range(4):
        assert (await call(transport, upstream(good.url, endpoints=text))).status == 200
    assert len(good.verified) == 4


async def test_each_try_is_signed_for_its_node_with_a_time_of_its_own(
    network: Network, transport: GonkaTransport
) -> None:
    nodes = network(4)
    for node in nodes:
        node.refuse(429)
    assert (await call(transport, upstream(nodes[0].url, **never(*nodes)))).status == 429
    stamps = [seen.get("x-timestamp") for node in nodes for seen in node.calls]
    signatures = [seen.get("authorization") for node in nodes for seen in node.calls]
    assert len(set(stamps)) == len(set(signatures)) == 4
    for node in nodes:  # it would have been taken
        [seen] = node.calls
        assert node.problem_of(seen) is None


@pytest.mark.parametrize("count", [1, 3])
async def test_when_all_are_gone_a_broker_is_named(
    network: Network, transport: GonkaTransport, count: int
) -> None:
    nodes = network(count)
    for node in nodes:
        node.refuse(410, "Gone")
    told = await call(transport, upstream(nodes[0].url, **never(*nodes)))
    assert told.status == 502 and told.error["code"] == "gonka_gone"
    assert "broker" in told.error["message"] and "GONKA_BROKER_URL" in told.error["message"]


async def test_a_stale_time_is_tried_once_more_then_told(network: Network, transport: GonkaTransport) -> None:
    node, other = network(2)
    stale = "Request timestamp is too old"
    node.refuse(400, stale)
    assert (await call(transport, upstream(node.url, **never(node)))).status == 200
    assert len(node.calls) == 2
    old = [("date", "Fri, 01 Jan 2100 00:00:00 GMT")]
    for one in (node, other):
        one.play(
            lambda seen: said(400, stale, *old), lambda seen: said(400, "timestamp is in the future", *old)
        )
    told = await call(transport, upstream(node.url, **never(node, other)))
    assert told.status == 502 and "clock" in told.error["message"] and " s." in told.error["message"]
    assert sorted((len(node.calls), len(other.calls))) in ([0, 4], [2, 2])


async def test_an_unpublished_key_is_told_at_once(network: Network, transport: GonkaTransport) -> None:
    nodes = network(3)
    stranger = "77" * 32
    told = await call(transport, upstream(nodes[0].url, key=stranger, **never(*nodes)))
    assert told.status == 502
    for word in ("GONKA_PRIVATE_KEY", signer(stranger).address, "public key", signer(stranger).public_key):
        assert word in told.error["message"]
    assert stranger not in told.body.decode()
    assert sum(len(node.calls) for node in nodes) == 1


@pytest.mark.parametrize(("status", "message"), [(402, "Payment Required"), (400, "insufficient balance")])
async def test_who_can_not_pay_is_told_at_once(
    network: Network, transport: GonkaTransport, status: int, message: str
) -> None:
    nodes = network(3)
    for node in nodes:
        node.refuse(status, message)
    told = await call(transport, upstream(nodes[0].url, **never(*nodes)))
    assert (told.status, told.error["code"], told.error["type"]) == (
        402,
        "insufficient_quota",
        "insufficient_quota",
    )
    assert signer(KEY).address in told.error["message"]
    assert sum(len(node.calls) for node in nodes) == 1


async def test_the_caller_s_own_mistake_is_told_in_the_node_s_words(
    network: Network, transport: GonkaTransport
) -> None:
    nodes = network(2)
    for node in nodes:
        node.refuse(413, "too large")
    told = await call(transport, upstream(nodes[0].url, **never(*nodes)))
    assert (told.status, told.error["message"]) == (413, "too large")
    unknown: Any = {**ASK, "model": "nobody/knows"}
    node = nodes[0]
    node.reset()
    told = await call(transport, upstream(node.url, **never(node)), unknown)
    assert told.status == 404 and "nobody/knows" in told.error["message"]
    assert told.error["code"] == "model_not_found"


async def test_a_busy_network_is_told_with_its_delay(network: Network, transport: GonkaTransport) -> None:
    [node] = network(1)
    node.refuse(429, "busy", 1, ("retry-after", "9"))
    told = await call(transport, upstream(node.url, **never(node)))
    assert (told.status, told.headers["retry-after"]) == (429, "9") and "busy" in told.error["message"]


async def test_nobody_answers(network: Network, transport: GonkaTransport) -> None:
    nodes = network(2)
    for node in nodes:
        node.drop()
    told = await call(transport, upstream(nodes[0].url, **never(*nodes)))
    assert told.status == 502 and "no answer from each of 2 nodes" in told.error["message"]


async def test_a_node_that_lags_is_waited_for_and_goes_last_when_it_was_given_up(
    network: Network, transport: GonkaTransport
) -> None:
    slow, good = network(2)
    target = upstream(good.url, **never(slow, good))
    for _ in range(30):  # until the slow one has had its turn
        slow.forgive()
        slow.lag(30.0)
        try:
            async with asyncio.timeout(1.5):
                assert (await call(transport, target)).status == 200
        except TimeoutError:
            break
    assert len(slow.calls) == 1
    for _ in range(8):
        assert (await call(transport, target)).status == 200
    assert len(slow.calls) == 1


async def test_an_answer_passes_as_it_comes(network: Network, transport: GonkaTransport) -> None:
    [node] = network(1)

    def gated(seen: Seen) -> Answer:
        return Answer(
            200, [("content-type", "text/event-stream")], [b"data: 1\n\n", b"data: 2\n\n"], "chunked"
        )

    node.play(gated)
    told = await call(transport, upstream(node.url, **never(node)), {**ASK, "stream": True})
    assert told.body == b"data: 1\n\ndata: 2\n\n"
