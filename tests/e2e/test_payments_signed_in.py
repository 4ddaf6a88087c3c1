"""Who has signed in pays like a token where calls are paid for: after her limits, and beside her cap."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tests.e2e.calls import ASK
from tests.e2e.paying import TEST, asked, challenges, credential, payments, problem
from tests.e2e.test_limits import COST
from tests.e2e.test_people import signed_in, unified
from tests.fakes.vendor import Vendor
from tests.harness import GatewayProcess

MESSAGES = "/v1/messages"


def test_a_sign_in_pays_like_a_token(start: Callable[..., GatewayProcess], vendor: Vendor) -> None:
    gateway = start("uvicorn", {**TEST, "MPP_SURFACES": "all"})
    cap = COST * Decimal("1.5")
    one, ended = signed_in(gateway, 2, budget=str(cap), budget_period="day")
    gateway.admin("POST", "/api/tokens/revoke", {"id": ended.id})

    def call(*headers: tuple[str, str]):
        return asked(gateway, ASK, one.bearer, *headers, path=MESSAGES, has_token=False)

    def spent() -> str:
        usage = gateway.admin("GET", "/api/people/ann@example.org").json()["usage"]
        return str(usage["budget"]["spent"])

    before = spent()
    refusal = call()
    assert problem(refusal) == (402, "payment-required") and unified(refusal) == {}
    assert refusal.get("x-should-retry") != "true" and not vendor.seen and spent() == before
    for path in ("/v1/models", "/api/oauth/usage"):  # what a client asks for beside is free
        assert gateway.ask("GET", path, [one.bearer]).status == 200
    assert gateway.ask("POST", f"{MESSAGES}/count_tokens", [one.bearer], ASK).status == 200
    answer = call(credential(challenges(refusal)[0]))
    assert (answer.status, len(answer.all("payment-receipt"))) == (200, 1)
    assert unified(answer)["status"] == "allowed"
    assert [row["token_id"] for row in payments(gateway)] == [one.id]
    gateway.exchanges(one)
    assert Decimal(spent()) == COST  # her cap counts what the upstream costs, whoever has paid
    at_the_cap = call()
    assert (at_the_cap.status, at_the_cap.json()["error"]["type"]) == (429, "billing_error")
    assert at_the_cap.get("x-should-retry") == "false" and not challenges(at_the_cap)
    over = asked(gateway, ASK, ended.bearer, path=MESSAGES, has_token=False)
    assert (over.status, over.get("x-should-retry")) == (401, "false") and not challenges(over)
