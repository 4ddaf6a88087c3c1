"""What happens around a call: the model of calls that name none, keys that can't sign, and the straight ways."""

from __future__ import annotations

import json

import httpx
import pytest

from providers.gonka.transport import GonkaTransport
from tests.fakes.gonka_node import MODEL
from tests.fakes.openai_vendor import KEY as BROKER_KEY
from tests.fakes.openai_vendor import OpenAiVendor
from tests.providers.gonka.calling import call, endpoints, upstream
from tests.providers.gonka.conftest import Network

UNNAMED = {"messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize("body", [UNNAMED, {**UNNAMED, "model": None}, {**UNNAMED, "model": ""}])
async def test_a_call_without_a_model_gets_the_network_s_first(
    network: Network, transport: GonkaTransport, body: dict[str, object]
) -> None:
    [node] = network(1)
    for _ in range(2):
        assert (
            await call(transport, upstream(node.url, None, endpoints=endpoints(node)), body)
        ).status == 200
    assert [json.loads(seen.body)["model"] for seen in node.verified] == [MODEL, MODEL]
    assert [seen.path for seen in node.seen].count(b"/v1/models") == 1


async def test_at_a_broker_as_well(transport: GonkaTransport) -> None:
    with OpenAiVendor() as broker:
        to = upstream(f"{broker.url}/v1", None, BROKER_KEY, mode="broker")
        assert (await call(transport, to, UNNAMED)).text == "gpt-test heard: hi"
        broker.models = []
        to = upstream(f"{broker.url}", None, BROKER_KEY, mode="broker")
        told = await call(transport, to, UNNAMED)
        assert (told.status, told.error["param"]) == (400, "model")


async def test_the_list_of_models_is_asked_without_a_signature(
    network: Network, transport: GonkaTransport
) -> None:
    [node] = network(1)
    told = await call(transport, upstream(node.url), method="GET")
    assert json.loads(told.body)["data"][0]["id"] == MODEL
    seen = next(seen for seen in node.seen if seen.path == b"/v1/models")
    assert {name.lower() for name, _ in seen.headers} == {b"host"}


async def test_a_key_that_can_not_sign_is_told_and_not_shown(
    network: Network, transport: GonkaTransport
) -> None:
    [node] = network(1)
    told = await call(transport, upstream(node.url, key="secret-key-of-a-variable"))
    assert told.status == 502 and "GONKA_PRIVATE_KEY" in told.error["message"]
    assert b"secret-key-of" not in told.body and node.calls == []


async def test_requests_of_others_go_straight_through() -> None:
    shared = httpx.MockTransport(lambda request: httpx.Response(299))
    made = GonkaTransport(shared)
    assert (await made.handle_async_request(httpx.Request("GET", "https://x"))).status_code == 299
    await made.aclose()
