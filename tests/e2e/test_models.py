"""`/v1/models`: the caller's shape, what it may use, aliases, pages, and never late."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.e2e.routing import provide, route
from tests.fakes.openai_vendor import OpenAiVendor
from tests.fakes.server import Gate
from tests.fakes.vendor import MODELS, Vendor, json_answer
from tests.harness import GatewayProcess, Token
from tests.rawhttp import Response


def openai(gateway: GatewayProcess, path: str = "/v1/models", token: Token | None = None) -> Response:
    return gateway.ask("GET", path, [(token or gateway.token).bearer])


def anthropic(gateway: GatewayProcess, path: str = "/v1/models?limit=1000") -> Response:
    return gateway.ask("GET", path, [("x-api-key", gateway.token.secret)])


def ids(answer: Response) -> list[str]:
    assert answer.status == 200, answer
    return [one["id"] for one in answer.json()["data"]]


def test_untouched_while_there_is_nothing_to_add(routed: GatewayProcess, vendor: Vendor) -> None:
    raw = b'{"data" : [ {"type":"model","id":"claude-x","display_name":"X"}], "has_more":false, "new":1}\n'
    vendor.say(json_answer(raw))
    answer = anthropic(routed)
    assert (answer.status, answer.body) == (200, raw)
    assert vendor.last.target == b"/v1/models?limit=1000"


def test_openai_callers_get_openais_shape(routed: GatewayProcess) -> None:
    document = openai(routed).json()
    assert document["object"] == "list"
    assert [one["id"] for one in document["data"]] == list(MODELS)
    assert document["data"][0] == {
        "id": MODELS[0], "object": "model", "created": 1790812800, "owned_by": "anthropic",
        "display_name": MODELS[0].title(),
    }  # fmt: skip
    one = openai(routed, f"/v1/models/{MODELS[1]}").json()
    assert (one["object"], one["id"]) == ("model", MODELS[1])
    missing = openai(routed, "/v1/models/nope")
    assert (missing.status, missing.json()["error"]["code"]) == (404, "model_not_found")
    refused = routed.ask("GET", "/v1/models")
    assert refused.status == 401 and "type" not in refused.json()  # in the caller's dialect


def test_configured_models_and_aliases_join_the_vendors_list(
    routed: GatewayProcess, other: OpenAiVendor
) -> None:
    provide(routed, other, models=["moonshot/kimi-k2", "gpt-x"])
    route(routed, "claude-kimi", "other", upstream_model="moonshot/kimi-k2", display_name="Kimi K2")
    route(routed, "claude-hidden", "other", upstream_model="gpt-x", listed=False)
    page = anthropic(routed).json()
    assert [one["id"] for one in page["data"]] == [*MODELS, "gpt-x", "moonshot/kimi-k2", "claude-kimi"] or [
        one["id"] for one in page["data"]
    ] == [*MODELS, "moonshot/kimi-k2", "gpt-x", "claude-kimi"]
    assert page["data"][-1] == {
        "type": "model", "id": "claude-kimi", "display_name": "Kimi K2", "created_at": "1970-01-01T00:00:00Z",
    }  # fmt: skip
    assert page["data"][0]["created_at"] == "2026-10-01T00:00:00Z"
    for path in ("/v1/models/moonshot/kimi-k2", "/v1/models/moonshot%2Fkimi-k2"):
        assert openai(routed, path).json()["owned_by"] == "other"
        assert anthropic(routed, path).json()["type"] == "model"
    assert anthropic(routed, "/v1/models/claude-hidden").status == 404


def test_pages_of_the_merged_list(routed: GatewayProcess, other: OpenAiVendor) -> None:
    provide(routed, other, models=[f"m{n}" for n in range(30)])
    whole = ids(anthropic(routed))
    first = anthropic(routed, "/v1/models").json()
    assert [one["id"] for one in first["data"]] == whole[:20] and first["has_more"] is True
    rest = anthropic(routed, f"/v1/models?limit=50&after_id={first['last_id']}").json()
    assert [one["id"] for one in rest["data"]] == whole[20:] and rest["has_more"] is False
    back = anthropic(routed, f"/v1/models?limit=5&before_id={whole[20]}").json()
    assert [one["id"] for one in back["data"]] == whole[15:20] and back["has_more"] is True
    for query in ("limit=0", "limit=1001", "limit=x", "after_id=nobody"):
        assert anthropic(routed, f"/v1/models?{query}").status == 400


def test_only_what_the_token_may_use(routed: GatewayProcess, other: OpenAiVendor) -> None:
    provide(routed, other, models=["gpt-x"])
    tied = issue(routed, provider="other")
    assert ids(openai(routed, token=tied)) == ["gpt-x"]
    few = issue(routed, allowed_models=["claude-haiku-*", "gpt-*"])
    assert ids(openai(routed, token=few)) == ["claude-haiku-5-5", "gpt-x"]
    assert openai(routed, "/v1/models/claude-opus-5-5", few).status == 404


def test_a_provider_without_a_list_is_asked_when_it_can_be_reached(
    routed: GatewayProcess, other: OpenAiVendor
) -> None:
    provide(routed, other)
    assert ids(openai(routed)) == list(MODELS)  # no name leads there
    assert ids(openai(routed, token=issue(routed, provider="other"))) == ["gpt-test"]


def test_an_upstream_that_hangs_is_not_waited_for(
    start: Callable[..., GatewayProcess], vendor: Vendor, other: OpenAiVendor
) -> None:
    gateway = start("uvicorn")
    provide(gateway, other, models=["gpt-x"])
    gate = Gate()
    vendor.handler = lambda seen: vendor_hangs(gate)
    began = time.monotonic()
    assert ids(openai(gateway)) == ["gpt-x"]
    gateway.admin("DELETE", "/api/providers/other")
    middle = time.monotonic()
    assert anthropic(gateway).status == 504
    assert middle - began < 2.9 and time.monotonic() - middle < 3.0
    gate.open()
    vendor.handler = vendor.answer


def vendor_hangs(gate: Gate) -> Any:
    answer = json_answer({})
    answer.before_head = gate
    return answer


def issue(gateway: GatewayProcess, **fields: Any) -> Token:
    answer = gateway.admin("POST", "/api/tokens", {"label": "own", **fields}).json()
    return Token(answer["token"], answer["id"])
