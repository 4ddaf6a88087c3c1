"""Payments over PostgreSQL and four workers: one claim for all of them, and a worker that dies takes nothing along."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.many.cluster import Host, Stores, eventually
from tests.e2e.many.conftest import Launch
from tests.e2e.paying import CHAT, asked, challenge_for, challenges, chat_body, credential, payments, problem
from tests.e2e.test_paying_clients import by_stripe
from tests.e2e.test_payments_killed import held
from tests.fakes.server import Gate
from tests.fakes.stripe import StripeApi
from tests.fakes.vendor import Vendor
from tests.rawhttp import RawClient, Response

BODY = chat_body()


@pytest.fixture
def stripe_api() -> Iterator[StripeApi]:
    with StripeApi() as server:
        yield server


@pytest.fixture
def host(stores: Stores, stripe_api: StripeApi, launch: Launch) -> Host:
    return launch(stores, "uvicorn", {**by_stripe(stripe_api), "WORKERS": "4"})


def proof_for(host: Host, token: str) -> tuple[str, str]:
    return credential(challenge_for(host, BODY), {"spt": token})


def pay_by(client: RawClient, host: Host, *headers: tuple[str, str]) -> Response:
    client.ask("POST", CHAT, [host.token.bearer, ("content-type", "application/json"), *headers], BODY)
    return client.response()


def test_of_twenty_at_once_over_four_workers_one_is_served(
    host: Host, vendor: Vendor, stripe_api: StripeApi
) -> None:
    proofs = [proof_for(host, f"spt_ok_{number}") for number in range(6)]
    calls = [proof for proof in proofs for _ in range(20)]
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda proof: asked(host, BODY, proof), calls))
    for number in range(6):
        statuses = sorted(answer.status for answer in answers[20 * number : 20 * number + 20])
        assert statuses[0] == 200 and set(statuses[1:]) <= {402, 409}, statuses
    assert (len(vendor.seen), len(stripe_api.intents), stripe_api.charged) == (6, 6, 30)
    assert [row["status"] for row in payments(host)] == ["settled"] * 6


def test_a_challenge_of_one_worker_is_paid_at_another(host: Host, vendor: Vendor) -> None:
    answers = host.on_every_worker(lambda client: pay_by(client, host))
    assert len(answers) == 4 and {answer.status for answer in answers.values()} == {402}
    proofs = [credential(challenges(answer)[0], {"spt": f"spt_ok_{pid}"}) for pid, answer in answers.items()]
    pids = list(answers)
    for pid, proof in zip([*pids[1:], pids[0]], proofs, strict=True):
        with host.connect_to(pid) as client:
            assert pay_by(client, host, proof).status == 200
        with host.connect_to(pids[2]) as client:
            assert problem(pay_by(client, host, proof)) == (402, "invalid-challenge")


def test_a_worker_that_dies_takes_no_payment_along(
    host: Host, stores: Stores, vendor: Vendor, stripe_api: StripeApi
) -> None:
    proof, key, gate = proof_for(host, "spt_ok"), ("idempotency-key", "one call"), Gate()
    vendor.say(held(vendor.answer, gate))
    (pid, *_) = host.workers

    def call() -> None:
        with contextlib.suppress(Exception), host.connect_to(pid) as client:
            pay_by(client, host, proof, key)

    caller = threading.Thread(target=call)
    caller.start()
    assert gate.reached.wait(20)
    os.kill(pid, signal.SIGKILL)
    caller.join()
    gate.open()
    assert asked(host, BODY, proof, key).status == 409  # for all that the others know
    stores.query("UPDATE gateway_payment SET held_until = now() - interval '1 second'")
    eventually(lambda: asked(host, BODY, proof, key).status == 200, 20, "the call did not come again")
    assert (len(stripe_api.intents), stripe_api.charged) == (1, 5)
    assert problem(asked(host, BODY, proof, key)) == (402, "invalid-challenge")


def test_a_402_gives_back_what_it_took_before_it_leaves(host: Host, vendor: Vendor) -> None:
    for number in range(6):
        given = {"label": "x", "requests_per_minute": 1, "max_requests": 1, "max_parallel_requests": 1}
        secret = host.admin("POST", "/api/tokens", given).json()["token"]
        bearer = ("authorization", f"Bearer {secret}")
        for _ in range(5):
            refusal = asked(host, BODY, bearer, has_token=False)
            assert refusal.status == 402, refusal
        proof = credential(challenges(refusal)[0], {"spt": f"spt_ok_{number}"})
        answer = asked(host, BODY, bearer, proof, has_token=False)
        assert answer.status == 200, answer
        assert asked(host, BODY, bearer, has_token=False).status == 429
