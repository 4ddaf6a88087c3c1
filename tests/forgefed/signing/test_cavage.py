"""The string that is signed, what must be signed, times and digests; every single change is refused."""

from __future__ import annotations

import base64
import hashlib

import pytest

from forgefed.errors import BadSignature
from forgefed.signing import cavage, multikey
from forgefed.signing.messages import Message
from tests.forgefed.signing.keys import BODY, DIGEST, ED25519, KEY_ID, NEW_YEAR, URL, request, rsa_key, window

DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
STRING = f"(request-target): post /inbox/code\nhost: tracker.example\ndate: {DATE}\ndigest: SHA-256={DIGEST}"


def signature(names: str = "(request-target) host date digest", **more: str) -> str:
    given = {"keyId": KEY_ID, "algorithm": "rsa-sha256", "headers": names, "signature": "c2ln", **more}
    return ",".join(f'{name}="{value}"' for name, value in given.items() if value)


def signed(
    header: str | None = None, date: str = DATE, digest: str = f"SHA-256={DIGEST}", **changes
) -> Message:
    headers = [("date", date), ("digest", digest), ("signature", header or signature())]
    return request(*headers, *changes.pop("headers", ()), **changes)


def test_the_vector_of_the_string_that_is_signed():
    read = cavage.read(signed(), window())
    assert read.base.decode() == STRING
    assert len(read.base) == 153
    assert (
        hashlib.sha256(read.base).hexdigest()
        == "bc350dddbea7ab7b23572098be93e8d3152c84d0893fe733002dd5c0b4fda1d0"
    )
    assert (read.scheme, read.key_id, read.value) == ("cavage", KEY_ID, b"sig")


def test_what_we_sign_is_read_and_verified():
    message = Message("POST", URL + "?x=1", (("content-type", "application/activity+json"),), BODY)
    fresh = cavage.headers_of(message, rsa_key(), KEY_ID, NEW_YEAR)
    read = cavage.read(request(*fresh, url=URL + "?x=1"), window())
    assert b"post /inbox/code?x=1" in read.base
    multikey.verify(rsa_key().public_key(), read.value, read.base)
    assert [name for name, _ in fresh] == ["date", "digest", "signature"]


def test_a_get_has_no_digest():
    fresh = cavage.headers_of(Message("GET", URL, ()), rsa_key(), KEY_ID, NEW_YEAR)
    assert [name for name, _ in fresh] == ["date", "signature"]
    read = cavage.read(request(*fresh, method="GET", body=b""), window())
    multikey.verify(rsa_key().public_key(), read.value, read.base)


@pytest.mark.parametrize(
    "names",
    [
        "",
        "date",
        "(request-target) host date",
        "(request-target) host digest",
        "host date digest",
        "(request-target) date digest",
    ],
)
def test_too_little_is_signed(names: str):
    with pytest.raises(BadSignature, match="not signed"):
        cavage.read(signed(signature(names)), window())


def test_more_may_be_signed_in_any_order():
    names = "digest content-type host (request-target) date"
    message = signed(signature(names), headers=[("content-type", "application/activity+json")])
    assert cavage.read(message, window()).base.startswith(b"digest: ")


@pytest.mark.parametrize("away", [-301, 301, -600, 7200])
def test_a_date_outside_the_window_is_refused(away: float):
    with pytest.raises(BadSignature, match="date"):
        cavage.read(signed(), window(NEW_YEAR + away))
    cavage.read(signed(), window(NEW_YEAR + away / abs(away) * 299))


@pytest.mark.parametrize(
    "digest",
    [
        "SHA-256=" + base64.b64encode(hashlib.sha256(b"other").digest()).decode(),
        "SHA-256=!!",
        "MD5=x",
        "",
        f"SHA-256={DIGEST},SHA-256={'A' * 43}=",
        f"SHA-256={DIGEST},SHA-512=AAAA",
    ],
)
def test_a_digest_that_is_not_the_bodys_is_refused(digest: str):
    with pytest.raises(BadSignature):
        cavage.read(signed(digest=digest), window())


def test_a_digest_may_be_spelled_otherwise_and_stand_beside_others():
    sha512 = base64.b64encode(hashlib.sha512(BODY).digest()).decode()
    for digest in (
        f"sha-256={DIGEST}",
        f"unixsum=30637, SHA-256={DIGEST}",
        f"SHA-512={sha512},SHA-256={DIGEST}",
    ):
        cavage.read(signed(digest=digest), window())


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "hs2019", "RSA-SHA256", ""])
def test_the_key_decides_what_hs2019_or_nothing_means(algorithm: str):
    cavage.read(signed(signature(algorithm=algorithm)), window())


@pytest.mark.parametrize("algorithm", ["rsa-sha1", "hmac-sha256", "none", "rsa-sha512"])
def test_other_algorithms_are_refused(algorithm: str):
    with pytest.raises(BadSignature, match="algorithm"):
        cavage.read(signed(signature(algorithm=algorithm)), window())


def test_created_and_expires_go_with_hs2019_and_have_to_hold():
    names = "(request-target) host date digest (created) (expires)"
    now = int(NEW_YEAR)

    def header(created: int, expires: int, algorithm: str = "hs2019") -> str:
        return signature(names, algorithm=algorithm) + f",created={created},expires={expires}"

    read = cavage.read(signed(header(now, now + 10)), window())
    assert read.base.endswith(f"(created): {now}\n(expires): {now + 10}".encode())
    for bad in (header(now - 301, now + 1), header(now, now - 1), header(now, now + 1, "rsa-sha256")):
        with pytest.raises(BadSignature):
            cavage.read(signed(bad), window())
    with pytest.raises(BadSignature):
        cavage.read(signed(signature(names, algorithm="hs2019")), window())


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        'keyId="a"',
        signature() + ",",
        signature() + ',keyId="other"',
        signature(keyId=""),
        signature().replace(",", ";"),
        signature(signature=""),
        signature(signature="***"),
        "x" * 9000,
        signature("(request-target) host date digest date"),
        signature("(request-target) host date digest absent"),
    ],
)
def test_a_header_that_cannot_be_read_is_refused(header: str):
    message = signed(header or " ")
    if header == signature() + ",":
        cavage.read(message, window())  # an empty parameter at the end means nothing
        return
    with pytest.raises(BadSignature):
        cavage.read(message, window())


def test_a_value_may_hold_a_comma_and_blanks_may_stand_between():
    message = signed(signature(keyId="https://a.example/x,y#k").replace('",', '" , '))
    assert cavage.read(message, window()).key_id == "https://a.example/x,y#k"


def test_a_signed_header_that_is_sent_twice_is_joined():
    message = signed(signature("(request-target) host date digest x"), headers=[("x", "1"), ("x", " 2 ")])
    assert cavage.read(message, window()).base.endswith(b"x: 1, 2")


def test_a_date_that_is_none_is_refused():
    for date in ("", "yesterday", "2026-01-01"):
        with pytest.raises(BadSignature):
            cavage.read(signed(date=date), window())


def test_ed25519_signs_too():
    fresh = cavage.headers_of(Message("POST", URL, (), BODY), ED25519, KEY_ID, NEW_YEAR)
    read = cavage.read(request(*fresh), window())
    multikey.verify(ED25519.public_key(), read.value, read.base)
