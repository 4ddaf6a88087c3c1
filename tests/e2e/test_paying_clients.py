"""Somebody else's paying clients, pympp 0.16 and mppx 0.11, over sockets: by every method, whole and streamed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.installs import mppx, pympp
from tests.e2e.paying import CHAT, TEST, chat_body, payments
from tests.fakes import stripe
from tests.fakes.lnd import MACAROON, LndNode
from tests.fakes.stripe import StripeApi
from tests.fakes.vendor import Vendor
from tests.harness import GatewayProcess

pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]

SESSIONS = Path(__file__).parent
Client = Callable[..., dict[str, Any]]
PROBLEMS = "https://paymentauth.org/problems/"


def ran(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        command, env={"PATH": os.environ["PATH"], **environment}, capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(params=["pympp", "mppx"])
def client(request: pytest.FixtureRequest) -> Client:
    """`client(gateway, method, proof, body)`: what the client made of the call."""
    if request.param == "pympp":
        site = pympp()
        command = [sys.executable, str(SESSIONS / "pympp" / "session.py")]
        environment = {"PYTHONPATH": str(site)}
    else:
        command, environment = ["node", str(mppx() / "session.mjs")], {}

    def call(gateway: GatewayProcess, method: str, proof: str, body: bytes) -> dict[str, Any]:
        arguments = [gateway.url + CHAT, gateway.token.secret, method, proof, body.decode()]
        return ran([*command, *arguments], environment)

    return call


@pytest.fixture
def stripe_api() -> Iterator[StripeApi]:
    with StripeApi() as server:
        yield server


@pytest.fixture
def node() -> Iterator[LndNode]:
    with LndNode() as server:
        yield server


def by_stripe(api: StripeApi, **changes: str) -> dict[str, str]:
    return {
        **TEST,
        "MPP_METHOD": "stripe",
        "MPP_STRIPE_SECRET_KEY": stripe.KEY,
        "MPP_STRIPE_NETWORK_ID": "profile_test_1",
        "MPP_STRIPE_API_URL": api.url,
        **changes,
    }


def by_lightning(node: LndNode) -> dict[str, str]:
    return {
        **TEST,
        "MPP_METHOD": "lightning",
        "MPP_AMOUNT": "21",
        "MPP_CURRENCY": "sat",
        "MPP_LIGHTNING_API_URL": node.url,
        "MPP_LIGHTNING_MACAROON": MACAROON,
    }


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_client_pays_and_is_answered(client: Client, shared, vendor: Vendor, is_stream: bool) -> None:
    told = client(shared("uvicorn", TEST), "test", "paid", chat_body("hi é", stream=is_stream))
    assert (told["status"], told["challenges"]) == (200, 1)
    assert told["receipt"][:2] == ["success", "test"]
    assert ("data: [DONE]" in told["text"]) is is_stream


@pytest.mark.parametrize(
    ("word", "problem"),
    [("declined", "verification-failed"), ("short", "payment-insufficient"), ("x", "invalid-payload")],
)
def test_a_client_that_does_not_pay(client: Client, shared, vendor: Vendor, word: str, problem: str) -> None:
    told = client(shared("uvicorn", TEST), "test", word, chat_body())
    assert (told["status"], told["type"], told["receipt"]) == (402, PROBLEMS + problem, None)
    assert vendor.seen == []


def test_a_client_is_told_that_nobody_knows(client: Client, shared, vendor: Vendor) -> None:
    told = client(shared("uvicorn", TEST), "test", "unknown", chat_body())
    assert (told["status"], told["challenges"]) == (500, 1)  # it does not pay again
    assert told["type"] == PROBLEMS + "internal-payment-error"


def test_paid_by_stripe(client: Client, start, vendor: Vendor, stripe_api: StripeApi) -> None:
    gateway = start("uvicorn", by_stripe(stripe_api))
    for number, is_stream in enumerate((False, True), 1):
        told = client(gateway, "stripe", f"spt_ok_{number}", chat_body(stream=is_stream))
        assert (told["status"], told["receipt"]) == (200, ["success", "stripe", f"pi_{number}"]), told
    assert stripe_api.charged == 10
    declined = client(gateway, "stripe", "spt_declined", chat_body())
    assert (declined["status"], declined["type"]) == (402, PROBLEMS + "verification-failed")
    acting = client(gateway, "stripe", "spt_action", chat_body())
    assert (acting["status"], acting["type"]) == (402, PROBLEMS + "payment-action-required")
    assert stripe.KEY not in gateway.log()


def test_stripe_gets_back_what_was_paid_for_nothing(
    client: Client, start, vendor: Vendor, stripe_api: StripeApi
) -> None:
    gateway = start("uvicorn", by_stripe(stripe_api))
    told = client(gateway, "stripe", "spt_ok", chat_body("ERROR 400"))
    assert (told["status"], told["receipt"]) == (400, None)
    assert payments(gateway)[0]["status"] == "refunded"
    assert (len(stripe_api.intents), stripe_api.charged) == (1, 0)


def test_paid_by_lightning(client: Client, start, vendor: Vendor, node: LndNode) -> None:
    gateway = start("uvicorn", by_lightning(node))
    told = client(gateway, "lightning", f"{node.url}/pay", chat_body())
    assert told["status"] == 200, told
    invoice = node.invoices[-1]
    assert told["receipt"] == ["success", "lightning", invoice["hash"].hex()]
    row = payments(gateway)[0]
    assert (row["amount"], row["currency"], row["reference"]) == ("21", "sat", invoice["hash"].hex())
    assert told["raw_receipt"]["challengeId"]
    failed = client(gateway, "lightning", f"{node.url}/pay", chat_body("ERROR 400"))
    assert failed["status"] == 400
    assert payments(gateway)[0]["status"] == "refund-due"
    assert invoice["preimage"].hex() not in gateway.log()
    node.is_away = True
    away = client(gateway, "lightning", f"{node.url}/pay", chat_body())
    assert (away["status"], away["challenges"]) == (503, 0)
