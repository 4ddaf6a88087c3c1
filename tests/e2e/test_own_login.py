"""Each caller's own login through the gateway: passed on as it came, nothing pooled, nothing learned, nothing shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.calls import ASK
from tests.fakes.vendor import API_KEY, Vendor, error_answer
from tests.harness import GatewayProcess
from tests.rawhttp import Response

ANN, BOB = "sk-ant-oat01-CANARY-ann-0123456789", "sk-ant-oat01-CANARY-bob-0123456789"


@pytest.fixture
def owners() -> Iterator[Vendor]:
    with Vendor(credential=None) as server:
        yield server


@pytest.fixture
def own(routed: GatewayProcess, owners: Vendor) -> GatewayProcess:
    """Give a gateway where `claude-own-*` is called with the caller's login, and all else with ours."""
    row = {
        "name": "own",
        "kind": "anthropic",
        "base_url": owners.url,
        "login": "caller",
        "models": ["claude-own-5"],
    }
    made = routed.admin("POST", "/api/providers", row)
    assert made.status == 200 and made.json()["login"] == "caller"
    return routed


def call(gateway: GatewayProcess, *headers: tuple[str, str], model: str = "claude-own-5") -> Response:
    body = ASK.replace(b"claude-sonnet-5-5", model.encode())
    shared = [("anthropic-version", "2023-06-01"), ("content-type", "application/json")]
    return gateway.ask("POST", "/v1/messages", [*shared, *headers], body)


def with_token(gateway: GatewayProcess, bearer: str) -> list[tuple[str, str]]:
    """Return the headers of a client that is logged in at the vendor: it names the vendor's beta itself."""
    beta = ("anthropic-beta", "oauth-2025-04-20,x")
    return [("x-la-token", gateway.token.secret), ("authorization", f"Bearer {bearer}"), beta]


def test_each_caller_is_served_with_its_own(own: GatewayProcess, owners: Vendor, vendor: Vendor) -> None:
    for bearer in (ANN, BOB):
        answer = call(own, *with_token(own, bearer))
        assert answer.status == 200
        seen = owners.last
        assert seen.all("authorization") == [f"Bearer {bearer}".encode()] and seen.get("x-api-key") is None
        assert seen.all("anthropic-beta") == [b"oauth-2025-04-20,x"] and seen.get("x-la-token") is None
        assert answer.get("anthropic-ratelimit-requests-remaining") is not None
    key = "sk-ant-api03-CANARY-own-key"
    assert call(own, ("x-la-token", own.token.secret), ("x-api-key", key)).status == 200
    assert owners.last.all("x-api-key") == [key.encode()] and owners.last.get("authorization") is None
    assert not vendor.seen
    log = own.log()
    assert ANN not in log and BOB not in log and key not in log


def test_one_caller_s_limit_is_nobody_else_s(own: GatewayProcess, owners: Vendor) -> None:
    owners.say(error_answer(429, "slow down", ("retry-after", "600")))
    limited = call(own, *with_token(own, ANN))
    assert (limited.status, limited.get("retry-after")) == (429, "600")
    owners.say(error_answer(401, "invalid x-api-key"))
    assert call(own, *with_token(own, ANN)).status == 401
    assert len(owners.seen) == 2
    assert call(own, *with_token(own, BOB)).status == 200
    assert call(own, *with_token(own, ANN)).status == 200


def test_without_a_login_of_ones_own_there_is_none(own: GatewayProcess, owners: Vendor) -> None:
    refused = call(own, own.token.bearer)
    assert refused.status == 401 and "x-la-token" in refused.json()["error"]["message"]
    assert call(own, ("x-la-token", own.token.secret)).status == 401
    assert call(own, ("x-la-token", "la_sk_wrong"), ("authorization", f"Bearer {ANN}")).status == 401
    assert not owners.seen


def test_a_login_of_ones_own_goes_nowhere_else(own: GatewayProcess, owners: Vendor, vendor: Vendor) -> None:
    assert call(own, *with_token(own, ANN), model="claude-sonnet-5-5").status == 200
    assert vendor.last.all("x-api-key") == [API_KEY.encode()] and vendor.last.get("authorization") is None
    assert not owners.seen


def test_the_vendor_s_other_paths_take_it_too(own: GatewayProcess, owners: Vendor) -> None:
    body = ASK.replace(b"claude-sonnet-5-5", b"claude-own-5").replace(b'"max_tokens": 64,', b"")
    headers = [*with_token(own, ANN), ("content-type", "application/json")]
    assert own.ask("POST", "/v1/messages/count_tokens", headers, body).status == 200
    assert owners.last.all("authorization") == [f"Bearer {ANN}".encode()]
