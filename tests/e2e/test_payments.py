"""Paid calls over sockets, with the method `test`: challenges, receipts, refusals, single use, refunds."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e import paying
from tests.e2e.conftest import without_cooldowns
from tests.e2e.paying import (
    CHAT,
    TEST,
    asked,
    challenge_for,
    challenges,
    chat_body,
    credential,
    decoded,
    encoded,
    paid,
    payments,
    problem,
    signed,
)
from tests.e2e.sockets import talking
from tests.fakes.server import CUT, Answer
from tests.fakes.vendor import Vendor, error_answer
from tests.harness import SERVERS, GatewayProcess

BODY = chat_body("hi é")
RESPONSE = json.dumps({"model": "claude-sonnet-5-5", "input": "hi"}).encode()


@pytest.fixture(params=SERVERS)
def charging(request: pytest.FixtureRequest, shared, vendor: Vendor) -> Iterator[GatewayProcess]:
    yield from without_cooldowns(shared(request.param, TEST))


def terms(**changes: object) -> dict[str, str]:
    """Return a challenge's `request` with these terms."""
    return {"request": encoded({"amount": "5", "currency": "usd", "recipient": "acct_or_wallet", **changes})}


def receipt(answer) -> dict[str, str]:
    (value,) = answer.all("payment-receipt")
    return decoded(value)


@pytest.mark.parametrize(("path", "body"), [(CHAT, BODY), ("/v1/responses", RESPONSE)])
def test_a_call_is_asked_for_a_payment(charging: GatewayProcess, vendor: Vendor, path: str, body: bytes):
    answer = charging.ask(
        "POST", f"{path}?a=b", [charging.token.bearer, ("content-type", "application/json")], body
    )
    assert problem(answer) == (402, "payment-required")
    (challenge,) = challenges(answer)
    assert list(challenge) == [
        *("id", "realm", "method", "intent", "request", "expires", "digest", "opaque", "header", "protocol")
    ]
    assert challenge["realm"] == "router.example"
    assert (challenge["method"], challenge["intent"]) == ("test", "charge")
    assert base64.urlsafe_b64decode(challenge["request"] + "==") == (
        b'{"amount":"5","currency":"usd","recipient":"acct_or_wallet"}'
    )
    assert challenge["digest"] == f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
    assert challenge["header"] == "Payment-Authorization"
    assert challenge["protocol"] == "mpp"
    assert signed(challenge)["id"] == challenge["id"]
    left = datetime.fromisoformat(challenge["expires"]) - datetime.now(UTC)
    assert timedelta(seconds=290) < left <= timedelta(seconds=300)
    told = answer.json()
    assert told["challengeId"] == challenge["id"]
    assert told["error"] == {
        "type": "payment_required",
        "message": "Payment required for OpenAI-compatible endpoint",
        "protocol": "mpp",
        "intent": "charge",
        "amount": "0.05",
        "currency": "USD",
        "recipient": "acct_or_wallet",
        "method": "test",
        "resource": path,
    }
    assert vendor.seen == []
    assert challenges(asked(charging, body, path=path))[0]["id"] != challenge["id"]


@pytest.mark.parametrize(("path", "body"), [(CHAT, BODY), ("/v1/responses", RESPONSE)])
@pytest.mark.parametrize("is_stream", [False, True])
def test_a_paid_call_is_answered_with_a_receipt(
    charging: GatewayProcess, vendor: Vendor, path: str, body: bytes, is_stream: bool
):
    body = json.dumps({**json.loads(body), "stream": is_stream}).encode()
    challenge = challenge_for(charging, body, path)
    answer = asked(charging, body, credential(challenge), ("accept-payment", "test/charge"), path=path)
    assert answer.status == 200
    told = receipt(answer)
    assert told == {
        "status": "success",
        "method": "test",
        "reference": f"test_{challenge['id']}",
        "timestamp": told["timestamp"],
    }
    assert "private" in (answer.get("cache-control") or "")
    assert b"You" in answer.body
    assert (b"data:" in answer.body) is is_stream
    (seen,) = vendor.seen
    assert not seen.all("payment-authorization") and not seen.all("accept-payment")
    row = payments(charging)[0]
    assert (row["status"], row["reference"], row["token_id"]) == (
        "settled",
        told["reference"],
        charging.token.id,
    )
    assert row["served_at"] is not None
    assert {"id", "method", "intent", "amount", "currency", "recipient", "created_at"} <= set(row)


def test_no_surface_is_paid_for_but_those_named(charging: GatewayProcess, vendor: Vendor):
    assert charging.messages(json.dumps({"model": "claude-sonnet-5-5", "max_tokens": 9, "messages": [
        {"role": "user", "content": "hi"}]}).encode()).status == 200  # fmt: skip
    assert charging.ask("GET", "/v1/models", [charging.token.bearer]).status == 200
    assert charging.ask("GET", CHAT, [charging.token.bearer]).status == 405


def test_401_comes_first_then_400(charging: GatewayProcess, vendor: Vendor):
    assert asked(charging, BODY, has_token=False).status == 401
    unknown = asked(charging, BODY, ("authorization", "Bearer x"), has_token=False)
    assert unknown.status == 401
    assert not challenges(unknown)
    guarded = asked(charging, BODY, ("payment-authorization", "Payment x"), has_token=False)
    assert (guarded.status, guarded.get("cache-control")) == (401, "no-store")
    assert asked(charging, BODY, ("authorization", "Payment x"), has_token=False).status == 401
    by_key = [("x-api-key", charging.token.secret), ("authorization", "Payment x")]
    assert problem(asked(charging, BODY, *by_key, has_token=False)) == (402, "payment-required")
    assert asked(charging, b"{bad").status == 400
    assert asked(charging, b"[1]").status == 400


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Payment",
        "Payment x",
        "Bearer la_sk_x",
        "Payment e30=",
        f"Payment {encoded([])}",
        "L402 x",
        "\xff",
    ],
)
def test_what_is_no_credential_is_malformed(charging: GatewayProcess, vendor: Vendor, value: str):
    answer = asked(charging, BODY, ("payment-authorization", value))
    assert problem(answer) == (402, "malformed-credential")
    assert vendor.seen == []


@pytest.mark.parametrize(
    ("token", "refusal"),
    [
        ("declined", (402, "verification-failed")),
        ("short", (402, "payment-insufficient")),
        ("other", (402, "invalid-payload")),
        (None, (402, "invalid-payload")),
        ("unknown", (500, "internal-payment-error")),
    ],
)
def test_payments_that_are_refused(
    charging: GatewayProcess, vendor: Vendor, token: object, refusal: tuple[int, str]
):
    answer = paid(charging, BODY, payload={"token": token})
    assert problem(answer) == refusal
    assert vendor.seen == []


def test_an_unknown_outcome_is_not_paid_twice(charging: GatewayProcess, vendor: Vendor):
    challenge = challenge_for(charging, BODY)
    for token in ("unknown", "unknown", "paid"):
        answer = asked(charging, BODY, credential(challenge, {"token": token}))
        assert problem(answer) == (500, "internal-payment-error")
    assert payments(charging)[0]["status"] == "unknown"
    assert vendor.seen == []


def test_whatever_is_tampered_with_is_no_challenge_of_ours(charging: GatewayProcess, vendor: Vendor):
    challenge = challenge_for(charging, BODY)
    cheaper = encoded({"amount": "1", "currency": "usd", "recipient": "acct_or_wallet"})
    for changes in (
        *({name: challenge[name] + "x"} for name in challenge if name not in ("protocol", "expires")),
        {"expires": "2099-01-01T00:00:00Z"},
        {"request": cheaper},
        {"realm": "elsewhere.example"},
    ):
        answer = asked(charging, BODY, credential({**challenge, **changes}))
        assert problem(answer) == (402, "invalid-challenge"), changes
    for name in ("expires", "digest", "opaque", "header"):
        left_out = {key: value for key, value in challenge.items() if key != name}
        assert problem(asked(charging, BODY, credential(left_out))) == (402, "invalid-challenge"), name
    assert problem(asked(charging, BODY + b" ", credential(challenge))) == (402, "invalid-challenge")
    elsewhere = asked(charging, RESPONSE, credential(challenge_for(charging, RESPONSE)), path="/v1/responses")
    assert problem(elsewhere) == (402, "invalid-challenge")
    foreign = signed(challenge, "another secret that is long enough, too")
    assert problem(asked(charging, BODY, credential(foreign))) == (402, "invalid-challenge")
    assert asked(charging, BODY, credential(challenge)).status == 200  # nothing of all that has used it up


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expires": "2020-01-01T00:00:00Z"}, "payment-expired"),
        ({"expires": ""}, "payment-expired"),
        ({"expires": "soon"}, "payment-expired"),
        ({"digest": ""}, "invalid-challenge"),
        ({"realm": "elsewhere.example"}, "invalid-challenge"),
        ({"method": "stripe"}, "invalid-challenge"),
        ({"intent": "session"}, "invalid-challenge"),
        ({"header": ""}, "invalid-challenge"),
        ({"opaque": encoded({"resource": "/v1/responses"})}, "invalid-challenge"),
        (terms(amount="4"), "payment-insufficient"),
        (terms(amount="6"), "invalid-challenge"),
        (terms(currency="eur"), "invalid-challenge"),
        (terms(recipient="me"), "invalid-challenge"),
        (terms(amount=5), "invalid-challenge"),
        (terms(x="y"), "invalid-challenge"),
        ({"request": "e30"}, "invalid-challenge"),
        ({"request": "!"}, "invalid-challenge"),
    ],
)
def test_even_well_bound_terms_must_be_those_of_the_call(
    charging: GatewayProcess, vendor: Vendor, changes: dict[str, str], code: str
):
    challenge = signed(challenge_for(charging, BODY), **changes)
    challenge = {name: value for name, value in challenge.items() if value}
    assert problem(asked(charging, BODY, credential(challenge))) == (402, code)
    assert vendor.seen == []


def test_the_libraries_form_of_a_digest_is_taken(charging: GatewayProcess, vendor: Vendor):
    challenge = challenge_for(charging, BODY)
    bare = signed(challenge, digest=challenge["digest"].replace(":", ""))
    assert asked(charging, BODY, credential({**bare, "description": "not bound"})).status == 200


def test_a_payment_is_used_once(charging: GatewayProcess, vendor: Vendor):
    challenge = challenge_for(charging, BODY)
    assert asked(charging, BODY, credential(challenge)).status == 200
    assert problem(asked(charging, BODY, credential(challenge))) == (402, "invalid-challenge")
    assert len(vendor.seen) == 1


def test_of_twenty_at_once_one_is_served(charging: GatewayProcess, vendor: Vendor):
    challenge = challenge_for(charging, BODY)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: asked(charging, BODY, credential(challenge)), range(20)))
    statuses = sorted(answer.status for answer in answers)
    assert statuses[0] == 200
    assert set(statuses[1:]) <= {402, 409}
    assert len(vendor.seen) == 1


@pytest.mark.parametrize("words", ["ERROR 400", "ERROR 500", "ERROR 429"])
def test_what_delivered_nothing_is_given_back(charging: GatewayProcess, vendor: Vendor, words: str):
    body = chat_body(words)
    challenge = challenge_for(charging, body)
    answer = asked(charging, body, credential(challenge))
    assert answer.status >= 400 and answer.get("payment-receipt") is None
    assert answer.get("cache-control") == "no-store"
    assert payments(charging)[0]["status"] == "failed"
    assert problem(asked(charging, body, credential(challenge))) == (402, "invalid-challenge")


@pytest.mark.parametrize("is_stream", [False, True])
def test_an_upstream_that_breaks_before_its_first_byte_has_delivered_nothing(
    charging: GatewayProcess, vendor: Vendor, is_stream: bool
):
    kind = "text/event-stream" if is_stream else "application/json"
    vendor.say(Answer(200, [("content-type", kind)], [CUT], length=99))
    answer = paid(charging, chat_body(stream=is_stream))
    assert answer.status == 502
    assert answer.get("payment-receipt") is None
    assert payments(charging)[0]["status"] == "failed"


def test_a_call_with_an_idempotency_key_may_come_again_until_it_is_served(
    charging: GatewayProcess, vendor: Vendor
):
    challenge, key = challenge_for(charging, BODY), ("idempotency-key", "one-call")
    vendor.say(error_answer(500), error_answer(500))
    proof = credential(challenge)
    assert asked(charging, BODY, proof, key).status >= 500
    assert payments(charging)[0]["status"] == "failed"
    assert problem(asked(charging, BODY, proof, ("idempotency-key", "other"))) == (402, "invalid-challenge")
    assert problem(asked(charging, BODY, proof)) == (402, "invalid-challenge")
    other = credential(challenge, {"token": "paid", "x": 1})
    assert problem(asked(charging, BODY, other, key)) == (402, "invalid-challenge")
    assert asked(charging, BODY, proof, key).status >= 500
    again = asked(charging, BODY, proof, key)
    assert again.status == 200
    assert receipt(again)["reference"] == f"test_{challenge['id']}"
    assert len([row for row in payments(charging) if row["reference"] == f"test_{challenge['id']}"]) == 1
    assert problem(asked(charging, BODY, proof, key)) == (402, "invalid-challenge")


def test_tokens_that_are_exempt_or_prepaid(charging: GatewayProcess, vendor: Vendor):
    assert charging.admin("GET", f"/api/tokens/{charging.token.id}").json()["payment"] == "charge"
    for given, status in (
        ({"payment": "exempt"}, 200),
        ({"payment": "prepaid", "budget": "100"}, 200),
        ({"payment": "charge"}, 402),
    ):
        made = charging.admin("POST", "/api/tokens", {"label": "x", **given})
        assert made.status == 200, made
        bearer = ("authorization", f"Bearer {made.json()['token']}")
        answer = asked(charging, BODY, bearer, has_token=False)
        assert answer.status == status, answer
        assert answer.get("payment-receipt") is None
    own_id = made.json()["id"]
    assert charging.admin("PATCH", f"/api/tokens/{own_id}", {"payment": "exempt"}).status == 200
    assert asked(charging, BODY, bearer, has_token=False).status == 200
    for bad in ({"payment": "free"}, {"payment": "prepaid"}, {"payment": 1}):
        refused = charging.admin("PATCH", f"/api/tokens/{own_id}", bad)
        assert refused.status == 400 and "payment" in refused.json()["error"]["message"]
    spent = charging.admin("POST", "/api/tokens", {"payment": "prepaid", "budget": "0.0000000001"}).json()
    bearer = ("authorization", f"Bearer {spent['token']}")
    assert asked(charging, BODY, bearer, has_token=False).status == 429


def test_a_402_takes_nothing_of_the_limits(charging: GatewayProcess, vendor: Vendor):
    made = charging.admin("POST", "/api/tokens", {"requests_per_minute": 1, "max_requests": 1}).json()
    bearer = ("authorization", f"Bearer {made['token']}")
    challenge = challenges(asked(charging, BODY, bearer, has_token=False))[0]
    assert asked(charging, BODY, bearer, has_token=False).status == 402
    assert asked(charging, BODY, bearer, credential(challenge), has_token=False).status == 200
    # A spent limit is told before the payment is claimed.
    fresh = challenge_for(charging, BODY)
    assert asked(charging, BODY, bearer, credential(fresh), has_token=False).status == 429
    assert asked(charging, BODY, credential(fresh)).status == 200


def test_the_document_of_what_is_paid_for(charging: GatewayProcess, vendor: Vendor):
    answer = charging.ask("GET", "/openapi.json")
    assert (answer.status, answer.get("content-type")) == (200, "application/json")
    document = answer.json()
    chat = document["paths"][CHAT]["post"]
    assert chat["x-payment-info"] == {
        "offers": [{"intent": "charge", "method": "test", "amount": "5", "currency": "usd"}]
    }
    assert "402" in chat["responses"] and "requestBody" in chat
    assert "/v1/messages" not in document["paths"]
    assert not [path for path in document["paths"] if path.startswith("/api")]


def test_payments_are_counted_and_no_credential_is_kept(charging: GatewayProcess, vendor: Vendor):
    proof = credential(challenge_for(charging, BODY), {"token": "paid", "note": "CANARY-of-a-payer"})
    assert asked(charging, BODY, proof).status == 200
    text = charging.admin("GET", "/metrics").body.decode()
    for event in ("challenged", "settled", "served"):
        assert f'link_assistant_payments_total{{event="{event}",method="test"}}' in text
    database = (charging.data_dir / "data" / "router.sqlite3").read_bytes()
    for secret in ("CANARY-of-a-payer", proof[1].removeprefix("Payment ")[-60:], paying.SECRET):
        assert secret.encode() not in database
        assert secret not in charging.log()


def test_nothing_is_free_over_a_websocket(charging: GatewayProcess, vendor: Vendor):
    with talking(charging) as talk:
        frame = talk.ask(input="SAY hi")
        assert (frame["type"], frame["status"], frame["error"]["type"]) == ("error", 402, "payment_required")
    assert vendor.seen == []
