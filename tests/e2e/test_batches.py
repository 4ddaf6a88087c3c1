"""Batches cost: held for when they are made, billed once when they have ended."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.pooling import wait_for
from tests.e2e.test_stored_objects import MODEL, ask, sdk
from tests.fakes.storing_vendor import StoringVendor
from tests.harness import GatewayProcess, Token, token_id

PATH = "/v1/messages/batches"


@pytest.fixture
def vendor() -> Iterator[StoringVendor]:
    with StoringVendor() as made:
        yield made


@pytest.fixture
def process(template: Path, tmp_path: Path, vendor: StoringVendor) -> Iterator[GatewayProcess]:
    with GatewayProcess(template, tmp_path, vendor.url, "uvicorn", {"BUDGET_HOLD": "worst-case"}) as made:
        yield made


def calls(count: int, **more: Any) -> dict[str, Any]:
    asked = {"model": MODEL, "max_tokens": 1000, "messages": [{"role": "user", "content": "hi"}], **more}
    return {"requests": [{"custom_id": f"c{number}", "params": asked} for number in range(count)]}


def budgeted(process: GatewayProcess, budget: str, **more: Any) -> Token:
    body = {"label": "limited", "budget": budget, "budget_period": "month", **more}
    told = process.admin("POST", "/api/tokens", body).json()
    return Token(told["token"], token_id(told["token"]))


def budget_of(process: GatewayProcess, token: Token) -> dict[str, str]:
    return process.admin("GET", f"/api/tokens/{token.id}").json()["usage"]["budget"]


def price_of(process: GatewayProcess) -> tuple[Decimal, Decimal]:
    [row] = [row for row in process.admin("GET", "/api/prices").json()["data"] if row["model"] == MODEL]
    return Decimal(row["input"]), Decimal(row["output"])


def bills(process: GatewayProcess) -> list[Any]:
    return process.rows("SELECT * FROM gateway_exchange WHERE surface = 'batch'")


def test_a_batch_is_held_and_billed_from_its_results(process: GatewayProcess, vendor: StoringVendor) -> None:
    token = budgeted(process, "1")
    made = ask(process, token, "POST", PATH, calls(3))
    assert made.status == 200, made
    name = made.json()["id"]
    vendor.running.add(name)
    plain, output = price_of(process)
    held = Decimal(budget_of(process, token)["spent"])
    assert held > 3 * 1000 * output / 10**6 / 2
    assert ask(process, token, "GET", f"{PATH}/{name}").json()["processing_status"] == "in_progress"
    assert not bills(process)
    vendor.running.clear()
    assert len(list(sdk(process, token).messages.batches.results(name))) == 3
    wait_for(lambda: bool(bills(process)), 10)
    cost = 3 * (1000 * plain + 100 * output) / 10**6 / 2
    wait_for(lambda: Decimal(budget_of(process, token)["spent"]) == cost, 10)
    [row] = bills(process)
    assert (row["model_served"], row["input_tokens"], row["output_tokens"]) == (MODEL, 3000, 300)
    assert (row["token_id"], row["account"], Decimal(str(row["cost"]))) == (token.id, "api-key", cost)
    # Whoever reads once more, and deletes it, is not billed again.
    assert len(list(sdk(process, token).messages.batches.results(name))) == 3
    assert ask(process, token, "DELETE", f"{PATH}/{name}").status == 200
    assert len(bills(process)) == 1 and Decimal(budget_of(process, token)["spent"]) == cost


def test_a_batch_beyond_the_budget_is_refused_and_one_that_is_refused_costs_nothing(
    process: GatewayProcess, vendor: StoringVendor
) -> None:
    token = budgeted(process, "0.05")
    answer = ask(process, token, "POST", PATH, calls(100))
    assert answer.status in (402, 429) and not vendor.batches, answer
    nameless = calls(1)
    del nameless["requests"][0]["params"]["model"]
    answer = ask(process, token, "POST", PATH, nameless)
    assert answer.status == 400 and "requests.0.params.model" in answer.json()["error"]["message"]
    assert ask(process, token, "POST", PATH, calls(1)).status == 200
    assert Decimal(budget_of(process, token)["spent"]) > 0


def test_a_token_for_certain_models_makes_batches_of_those(process: GatewayProcess) -> None:
    token = budgeted(process, "1", allowed_models=[MODEL])
    assert ask(process, token, "POST", PATH, calls(1)).status == 200
    answer = ask(process, token, "POST", PATH, calls(1, model="claude-opus-4-8"))
    assert answer.status == 403, answer


def test_a_batch_is_billed_after_a_restart_and_when_it_is_deleted(
    template: Path, tmp_path: Path, vendor: StoringVendor
) -> None:
    with GatewayProcess(template, tmp_path, vendor.url) as process:
        token = budgeted(process, "1")
        names = [ask(process, token, "POST", PATH, calls(2)).json()["id"] for _ in range(2)]
        held = Decimal(budget_of(process, token)["spent"])
    with GatewayProcess(tmp_path, tmp_path, vendor.url) as process:
        assert Decimal(budget_of(process, token)["spent"]) == held
        plain, output = price_of(process)
        for name in names:
            assert ask(process, token, "DELETE", f"{PATH}/{name}").status == 200
        cost = 4 * (1000 * plain + 100 * output) / 10**6 / 2
        assert sum(Decimal(str(row["cost"])) for row in bills(process)) == cost
        assert Decimal(budget_of(process, token)["spent"]) == cost
        assert {row["settled_at"] is None for row in process.rows("SELECT * FROM gateway_batch")} == {False}


def test_shared_objects_are_billed_too(template: Path, tmp_path: Path, vendor: StoringVendor) -> None:
    with GatewayProcess(template, tmp_path, vendor.url, settings={"STORED_OBJECTS": "shared"}) as process:
        token = process.issue("mine")
        name = ask(process, token, "POST", PATH, calls(2)).json()["id"]
        assert ask(process, token, "GET", f"{PATH}/{name}").body == vendor.told(name).parts[0]
        wait_for(lambda: bool(bills(process)), 10)
        assert bills(process)[0]["output_tokens"] == 200
