"""Challenges: the id's binding, by vectors that pympp 0.16 reproduces, and the header's form."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from gateway.payments import encoding
from gateway.payments.challenge import (
    Challenge,
    bound_id,
    digest_of,
    is_digest_of,
    is_ours,
    rfc3339,
    unix_seconds,
)

SECRET = b"0123456789abcdef0123456789abcdef"
REQUEST = encoding.encode_object({"recipient": "acct_demo", "currency": "usd", "amount": "5"})
BODY = b'{"model":"m","messages":[]}'
DIGEST = "sha-256=:C/zxyHP+I+hzZpaRF+/cJLlfNB6y9KvhCuAeeh9JlMY=:"
OPAQUE = encoding.encode_object({"_mpp_nonce": "n-1"})
BARE = Challenge(id="x", realm="router.example", method="demo", intent="charge", request=REQUEST)
WITH_EXPIRES = replace(BARE, expires="2026-01-01T00:05:00Z")
WITH_DIGEST = replace(WITH_EXPIRES, digest=DIGEST)
WITH_OPAQUE = replace(WITH_DIGEST, opaque=OPAQUE)
WHOLE = replace(WITH_OPAQUE, header="Payment-Authorization")


def test_the_parts_of_the_vectors() -> None:
    assert REQUEST == "eyJhbW91bnQiOiI1IiwiY3VycmVuY3kiOiJ1c2QiLCJyZWNpcGllbnQiOiJhY2N0X2RlbW8ifQ"
    assert OPAQUE == "eyJfbXBwX25vbmNlIjoibi0xIn0"
    assert digest_of(hashlib.sha256(BODY).digest()) == DIGEST


@pytest.mark.parametrize(
    ("challenge", "own_id"),
    [
        (BARE, "FQB8jcnx_yQUD_L0aVUzi3jdye-o_LAn7JkMKavqkTk"),
        (WITH_EXPIRES, "Q_dI83F4Lk2xb5reCd3xbOZtaADFP7tdiKj72QrrMuk"),
        (WITH_DIGEST, "I926auMS6FGZn4zStOWJQMl0G45IGV1I7uN7BX_w5qk"),
        (WITH_OPAQUE, "l596WfIQmI6ULbgpuWqu8TY_kRSXjSLk7FHUQ99xSI0"),
        (WHOLE, "A6_5I_DRPT5cLpJJC9YY8sePsmbiYL0eoSKunITEMJ0"),
    ],
)
def test_the_id_binds_as_the_draft_says(challenge: Challenge, own_id: str) -> None:
    assert bound_id(SECRET, challenge) == own_id
    assert is_ours((SECRET,), replace(challenge, id=own_id))


def test_every_parameter_is_bound() -> None:
    whole = replace(WHOLE, id=bound_id(SECRET, WHOLE))
    assert is_ours((b"another secret, long enough to be", SECRET), whole)  # rotated
    assert not is_ours((b"another secret, long enough to be",), whole)
    for name, value in whole.echo().items():
        assert not is_ours((SECRET,), replace(whole, **{name: value + "x"})), name
        if name != "id":
            assert not is_ours((SECRET,), replace(whole, **{name: ""})), name


def test_the_header_line() -> None:
    line = replace(WHOLE, id="i", realm='a "b" \\ c').header_value()
    assert line == (
        'Payment id="i", realm="a \\"b\\" \\\\ c", method="demo", intent="charge", '
        f'request="{REQUEST}", expires="2026-01-01T00:05:00Z", digest="{DIGEST}", opaque="{OPAQUE}", '
        'header="Payment-Authorization", protocol="mpp"'
    )
    assert "expires" not in BARE.header_value()


def test_both_forms_of_a_digest_are_the_body_s() -> None:
    hashed = hashlib.sha256(BODY).digest()
    assert is_digest_of(DIGEST, hashed)
    assert is_digest_of(DIGEST.replace(":", ""), hashed)
    for other in ("", DIGEST[:-1], DIGEST.replace("256", "512"), digest_of(hashlib.sha256(b"x").digest())):
        assert not is_digest_of(other, hashed), other


def test_times() -> None:
    assert rfc3339(1767225900.9) == "2026-01-01T00:05:00Z"
    assert unix_seconds("2026-01-01T00:05:00Z") == 1767225900
    assert unix_seconds("2026-01-01T01:05:00+01:00") == 1767225900
    assert unix_seconds("2026-01-01T00:05:00") is None
    assert unix_seconds("soon") is None
