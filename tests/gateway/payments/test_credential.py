"""Credentials: what is read of one, and what is refused."""

from __future__ import annotations

from hashlib import sha256

import pytest

from gateway.payments import encoding
from gateway.payments.credential import MOST_BYTES, parse, presented
from gateway.payments.problems import Code, PaymentProblem

CHALLENGE = {"id": "i", "realm": "r", "method": "m", "intent": "charge", "request": "e30"}


def token(**changes: object) -> str:
    return encoding.encode_object({"challenge": CHALLENGE, "payload": {"token": "paid"}, **changes})


def test_a_credential_is_read() -> None:
    echoed = {**CHALLENGE, "expires": "e", "digest": "d", "opaque": "o", "header": "h", "description": "é"}
    text = token(challenge=echoed, source="did:key:z")
    for value in (f"Payment {text}", f"payment   {text} "):
        credential = parse(value.encode())
        assert credential.challenge.echo() == {k: v for k, v in echoed.items() if k != "description"}
        assert credential.payload == {"token": "paid"}
        assert credential.fingerprint == sha256(text.encode()).hexdigest()
    assert "paid" not in repr(credential)
    assert parse(f"Payment {token()}".encode()).challenge.header == ""


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"Payment",
        b"Payment ",
        b"Bearer la_sk_x",
        b"Payment la_sk_x.y.z",
        b"Payment " + b"e30=",
        b"Payment \xff",
        b"Payment " + encoding.encode(b"[]").encode(),
        b"Payment " + encoding.encode(b"{").encode(),
        b"Payment " + token(challenge=[]).encode(),
        b"Payment " + token(payload="x").encode(),
        b"Payment " + token(payload=None).encode(),
        b"Payment " + token(challenge={**CHALLENGE, "id": ""}).encode(),
        b"Payment " + token(challenge={**CHALLENGE, "id": "é"}).encode(),
        b"Payment " + token(challenge={**CHALLENGE, "request": {}}).encode(),
        b"Payment " + token(challenge={**CHALLENGE, "expires": 1}).encode(),
        b"Payment " + token(challenge={k: v for k, v in CHALLENGE.items() if k != "realm"}).encode(),
        b"Payment " + token(payload={"x": "y" * MOST_BYTES}).encode(),
        b"Payment " + token().encode() + b", Payment x",
    ],
)
def test_what_is_none_is_malformed(value: bytes) -> None:
    with pytest.raises(PaymentProblem) as found:
        parse(value)
    assert (found.value.code, found.value.status) == (Code.MALFORMED, 402)


def test_four_kilobytes_are_taken() -> None:
    assert parse(b"Payment " + token(payload={"x": "y" * 4096}).encode()).payload["x"] == "y" * 4096


def test_only_one_header_counts() -> None:
    header = (b"payment-authorization", b"Payment x")
    assert presented(((b"authorization", b"Payment x"),)) is None
    assert presented((header,)) == b"Payment x"
    with pytest.raises(PaymentProblem, match="more than once"):
        presented((header, header))
