"""RFC 9421: the base, what must be signed, and everything that is refused."""

from __future__ import annotations

import base64
import hashlib

import pytest

from forgefed.errors import BadSignature
from forgefed.signing import multikey, rfc9421
from forgefed.signing.messages import Message
from tests.forgefed.signing.keys import BODY, DIGEST, ED25519, KEY_ID, NEW_YEAR, URL, request, rsa_key, window

PARAMS = f'("@method" "@target-uri" "content-digest");created=1767225600;keyid="{KEY_ID}"'
BASE = (
    '"@method": POST\n'
    f'"@target-uri": {URL}\n'
    f'"content-digest": sha-256=:{DIGEST}:\n'
    f'"@signature-params": {PARAMS}'
)
SIGNATURE = "bSYZSnSzqpbWnJPncbUa0BntXwepYwIszpcTVmD2qGWXLwkS6C2BCGWXtneEtCAsqkDaq3Fg6WxP1ehj9T4WAQ=="


def signed(
    params: str = PARAMS,
    label: str = "sig1",
    value: str | None = None,
    digest: str = f"sha-256=:{DIGEST}:",
    **more,
) -> Message:
    headers = [
        ("content-digest", digest),
        ("signature-input", f"{label}={params}"),
        ("signature", value or f"sig1=:{SIGNATURE}:"),
        *more.pop("headers", ()),
    ]
    return request(*headers, **more)


def test_the_vector_of_base_and_signature():
    read = rfc9421.read(signed(), window())
    assert read.base.decode() == BASE
    assert len(read.base) == 272
    assert (
        hashlib.sha256(read.base).hexdigest()
        == "c4729936ca2e24be66c290ce846543d826386201705a9ae3a6ab922812666f2a"
    )
    multikey.verify(ED25519.public_key(), read.value, read.base)
    assert base64.b64encode(multikey.sign(ED25519, read.base)).decode() == SIGNATURE
    assert (read.scheme, read.key_id, read.algorithm) == ("rfc9421", KEY_ID, "")


@pytest.mark.parametrize("key", [ED25519, rsa_key()], ids=["ed25519", "rsa"])
def test_what_we_sign_is_read_and_verified(key):
    for method, body in (("POST", BODY), ("GET", b"")):
        fresh = rfc9421.headers_of(Message(method, URL, (), body), key, KEY_ID, NEW_YEAR)
        read = rfc9421.read(request(*fresh, method=method, body=body), window())
        multikey.verify(key.public_key(), read.value, read.base)
        assert any(name == "content-digest" for name, _ in fresh) is (method == "POST")


@pytest.mark.parametrize(
    "names",
    [
        '"@method" "@target-uri"',
        '"@method" "content-digest"',
        '"@target-uri" "content-digest"',
        "",
        '"@authority" "@path" "@method" "content-digest"',
    ],
)
def test_too_little_is_signed(names: str):
    with pytest.raises(BadSignature, match="not signed"):
        rfc9421.read(signed(f'({names});created=1767225600;keyid="k"'), window())


def test_more_may_be_signed_and_parameters_stand_in_any_order():
    names = (
        '"@method" "@target-uri" "@authority" "host" "date" "content-digest" "@scheme" "@path" "@query"'
        ' "@request-target"'
    )
    params = f'({names});alg="rsa-v1_5-sha256";keyid="{KEY_ID}";nonce="a\\"b";tag="x";created=1767225600'
    message = signed(params, headers=[("date", "now")], url=URL + "?a=b")
    read = rfc9421.read(message, window())
    lines = read.base.decode().split("\n")
    assert lines[2:5] == ['"@authority": tracker.example', '"host": tracker.example', '"date": now']
    assert lines[6:10] == [
        '"@scheme": https',
        '"@path": /inbox/code',
        '"@query": ?a=b',
        '"@request-target": /inbox/code?a=b',
    ]
    assert lines[10] == f'"@signature-params": {params}'


@pytest.mark.parametrize("away", [-301, 301, 600, -7200])
def test_created_outside_the_window_is_refused(away: float):
    with pytest.raises(BadSignature, match="created"):
        rfc9421.read(signed(), window(NEW_YEAR + away))


@pytest.mark.parametrize(
    "params",
    [
        PARAMS.replace(";created=1767225600", ""),
        PARAMS.replace(f';keyid="{KEY_ID}"', ""),
        PARAMS + ";expires=1767225599",
        PARAMS + ';alg="rsa-pss-sha512"',
        PARAMS + ';alg="hmac-sha256"',
        PARAMS + ";created=1767225600",
        PARAMS + ";x y",
        PARAMS.replace("created=1767225600", 'created="soon"'),
        PARAMS.replace('"@method"', '"@method";req'),
        PARAMS.replace('"@method"', '"@method" "@status"'),
        PARAMS.replace('"@method"', '"@method" "@method"'),
        PARAMS.replace('"@method"', '"@method" "@query-param";name="a"'),
        PARAMS.replace('"@method"', '"@METHOD"'),
        PARAMS + ", sig2=" + PARAMS,
        PARAMS.replace("(", "").replace(")", ""),
        "x" * 9000,
        PARAMS + " ",
        PARAMS.replace('"@method"', '"@method" "x-absent"'),
    ],
)
def test_other_inputs_are_refused(params: str):
    if params == PARAMS + " ":
        rfc9421.read(signed(params), window())
        return
    with pytest.raises(BadSignature):
        rfc9421.read(signed(params), window())


@pytest.mark.parametrize(
    "value", ["sig2=:c2ln:", "sig1=c2ln", "sig1=:c2ln:, sig2=:c2ln:", "sig1=:***:", "sig1=:c2l:", " "]
)
def test_a_signature_that_is_not_the_one_of_the_input_is_refused(value: str):
    with pytest.raises(BadSignature):
        rfc9421.read(signed(value=value), window())


@pytest.mark.parametrize(
    "digest",
    [
        f"sha-256=:{base64.b64encode(hashlib.sha256(b'other').digest()).decode()}:",
        f"sha-256={DIGEST}",
        "md5=:AAAA:",
        f"sha-256=:{DIGEST}:, sha-512=:AAAA:",
        "sha-256=:%%:",
        "nonsense",
    ],
)
def test_a_digest_that_is_not_the_bodys_is_refused(digest: str):
    with pytest.raises(BadSignature):
        rfc9421.read(signed(digest=digest), window())


def test_a_second_digest_has_to_agree_too():
    sha512 = base64.b64encode(hashlib.sha512(BODY).digest()).decode()
    rfc9421.read(signed(digest=f"sha-512=:{sha512}:, sha-256=:{DIGEST}:"), window())


def test_a_header_that_is_missing_is_told():
    message = Message("POST", URL, (("signature-input", f"sig1={PARAMS}"),), BODY)
    with pytest.raises(BadSignature, match="content-digest"):
        rfc9421.read(message, window())
