"""What the settings of payments change, and which of them keep the gateway from starting."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.calls import ASK
from tests.e2e.conftest import without_cooldowns
from tests.e2e.paying import (
    TEST,
    asked,
    challenges,
    chat_body,
    credential,
    decoded,
    parameters,
    payments,
    problem,
)
from tests.fakes.vendor import Vendor
from tests.harness import ROOT, GatewayProcess, base_environment

OPEN = {**TEST, "MPP_METHOD": "stripe,test", "MPP_ANONYMOUS": "true", "MPP_SURFACES": "all"}
BODY = chat_body()
MESSAGES = "/v1/messages"


@pytest.fixture
def opened(shared, vendor: Vendor) -> Iterator[GatewayProcess]:
    """Every surface is paid for, nobody needs a token, and stripe has no key."""
    yield from without_cooldowns(shared("daphne", OPEN))


def test_a_caller_that_pays_needs_no_token(opened: GatewayProcess, vendor: Vendor) -> None:
    refusal = asked(opened, BODY, has_token=False)
    assert problem(refusal) == (402, "payment-required")
    by_test = challenges(refusal)[1]
    answer = asked(opened, BODY, credential(by_test), has_token=False)
    assert (answer.status, len(answer.all("payment-receipt"))) == (200, 1)
    assert payments(opened)[0]["token_id"] is None
    assert opened.ask("GET", "/v1/models").status == 401
    assert asked(opened, BODY, ("authorization", "Bearer la_sk_x"), has_token=False).status == 401


def test_one_challenge_per_method_in_the_order_that_is_wanted(opened: GatewayProcess, vendor: Vendor) -> None:
    def offered(*headers: tuple[str, str]) -> list[str]:
        return [one["method"] for one in challenges(asked(opened, BODY, *headers))]

    assert offered() == ["stripe", "test"]
    assert offered(("accept-payment", "test/charge, stripe/charge;q=0.5")) == ["test", "stripe"]
    assert offered(("accept-payment", "test/*")) == ["test"]
    assert offered(("accept-payment", "tempo/charge")) == ["stripe", "test"]
    assert offered(("accept-payment", "test/charge;q=0, */*")) == ["stripe"]
    assert asked(opened, BODY).json()["error"]["method"] == "stripe"


def test_a_method_without_its_secret_refuses_everything(opened: GatewayProcess, vendor: Vendor) -> None:
    by_stripe = challenges(asked(opened, BODY))[0]
    assert decoded(by_stripe["request"]) == {"amount": "5", "currency": "usd", "recipient": "acct_or_wallet"}
    answer = asked(opened, BODY, credential(by_stripe, {"spt": "spt_1"}))
    assert problem(answer) == (402, "verification-failed")
    assert vendor.seen == []


def test_anthropic_s_surfaces_are_paid_for_too(opened: GatewayProcess, vendor: Vendor) -> None:
    answer = asked(opened, ASK, ("anthropic-version", "2023-06-01"), path=MESSAGES)
    assert problem(answer) == (402, "payment-required")
    assert answer.json()["error"]["resource"] == MESSAGES
    proof = credential(challenges(answer)[1])
    paid = asked(opened, ASK, ("anthropic-version", "2023-06-01"), proof, path=MESSAGES)
    assert (paid.status, len(paid.all("payment-receipt"))) == (200, 1)
    counted = asked(opened, ASK, ("anthropic-version", "2023-06-01"), path=f"{MESSAGES}/count_tokens")
    assert counted.status == 200
    bedrock = json.dumps(
        {"anthropic_version": "x", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
    )
    assert asked(opened, bedrock.encode(), path="/model/claude-sonnet-5-5/invoke").status == 402
    assert asked(opened, b"{}", path="/v1/messages/batches").status == 402
    assert opened.ask("GET", "/v1/messages/batches", [opened.token.bearer]).status != 402
    paths = opened.ask("GET", "/openapi.json").json()["paths"]
    assert {MESSAGES, "/v1/chat/completions"} <= set(paths) and f"{MESSAGES}/count_tokens" not in paths


def test_while_payments_are_off_nothing_of_them_is_there(shared, vendor: Vendor) -> None:
    plain = shared("uvicorn")
    assert asked(plain, BODY, ("payment-authorization", "Payment x")).status == 200
    assert not vendor.seen[-1].all("payment-authorization")
    assert plain.ask("GET", "/openapi.json", [plain.token.bearer]).status == 404
    assert payments(plain) == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"MPP_AMOUNT": "0.00"}, "MPP_AMOUNT"),
        ({"MPP_RECIPIENT": ""}, "MPP_RECIPIENT"),
        ({"MPP_ALLOW_TEST": "false"}, "MPP_ALLOW_TEST"),
        ({"MPP_SURFACES": "some"}, "MPP_SURFACES"),
        ({"MPP_METHOD": "stripe", "MPP_STRIPE_SECRET_KEY": "sk_CANARY"}, "MPP_STRIPE_NETWORK_ID"),
    ],
)
def test_what_can_not_be_obeyed_stops_the_start(tmp_path: Path, changes: dict[str, str], named: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "serve", "--port", "0"],
        cwd=tmp_path,
        env={**base_environment(tmp_path), **TEST, **changes},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert f"Configuration error: {named} " in done.stderr
    assert "CANARY" not in done.stdout + done.stderr


def test_payments_inside_another_project(shared, vendor: Vendor) -> None:
    """Through Django's views, where repeated headers are joined."""
    foreign = shared("django", OPEN)
    refusal = asked(foreign, BODY)
    assert refusal.status == 402
    (line,) = refusal.all("www-authenticate")
    assert line.count("Payment id=") == 2
    by_test = parameters(line.split("Payment ")[2])
    answer = asked(foreign, BODY, credential(by_test))
    assert (answer.status, len(answer.all("payment-receipt"))) == (200, 1)
