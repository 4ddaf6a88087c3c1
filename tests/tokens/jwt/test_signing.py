"""Secrets byte for byte, and the reference's words for everything that is wrong with one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

import jwt as pyjwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tokens.conftest import stored
from tokens.errors import BadPrefix, InvalidToken
from tokens.jwt import signing

README_VECTOR = (
    "la_sk_eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI1NTBlODQwMC1lMjliLTQxZDQtYTcxNi00NDY2NTU0NDAwMDAiL"
    "CJpYXQiOjE3MTA4MDY0MDAsImV4cCI6MTcxMDg5MjgwMCwibGFiZWwiOiJteS10b2tlbiJ9"
    ".CGj2656blsIGEAxdiFXa8Zj6GP6R-RtC5Z7dXVH32PY"
)
README_CLAIMS = signing.Claims("550e8400-e29b-41d4-a716-446655440000", 1710806400, 1710892800, "my-token")
KEY = b"golden-secret"
ALGORITHMS = (
    "`HS256`, `HS384`, `HS512`, `ES256`, `ES384`, `RS256`, "
    "`RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `EdDSA`"
)


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def made(payload: bytes, header: bytes = signing.HEADER, key: bytes = KEY) -> str:
    message = f"{b64(header)}.{b64(payload)}"
    return f"la_sk_{message}.{b64(hmac.new(key, message.encode(), hashlib.sha256).digest())}"


def test_the_reference_vector_is_reproduced_and_read() -> None:
    assert signing.sign(README_CLAIMS, b"test-secret") == README_VECTOR
    assert signing.verify(README_VECTOR, b"test-secret") == README_CLAIMS


def test_a_label_travels_as_raw_utf8_like_the_reference_writes_it() -> None:
    secret = signing.sign(signing.Claims("a", 1, 2, 'a "q" \\ \n żółć 🎉'), KEY)
    payload = base64.urlsafe_b64decode(secret.split(".")[1] + "==")
    assert payload == '{"sub":"a","iat":1,"exp":2,"label":"a \\"q\\" \\\\ \\n żółć 🎉"}'.encode()


@given(st.text(), st.text(st.characters(codec="utf-8")), st.integers(0, 2**62), st.binary(min_size=1))
def test_what_we_sign_any_jwt_library_reads(_: str, label: str, exp: int, key: bytes) -> None:
    secret = signing.sign(signing.Claims("id", 5, exp, label), key)
    assert signing.verify(secret, key) == signing.Claims("id", 5, exp, label)
    header, payload, signature = secret.removeprefix("la_sk_").split(".")
    assert b64(hmac.new(key, f"{header}.{payload}".encode(), hashlib.sha256).digest()) == signature


def test_pyjwt_reads_ours_and_we_read_pyjwts() -> None:
    key = "k" * 32
    far = int(time.time()) + 1000
    ours = signing.sign(signing.Claims("id", 5, far, "é"), key.encode())
    read = pyjwt.decode(ours.removeprefix("la_sk_"), key, algorithms=["HS256"])
    assert read == {"sub": "id", "iat": 5, "exp": far, "label": "é"}
    theirs = "la_sk_" + pyjwt.encode({"sub": "x", "iat": 1, "exp": 2, "nbf": 2**33}, key, algorithm="HS256")
    assert signing.verify(theirs, key.encode()) == signing.Claims("x", 1, 2)


@pytest.mark.parametrize("name", ["no-store", "unicode-secret", "both-one-process", "both-many-cli-runs"])
def test_every_recorded_token_is_read_as_the_reference_reads_it(name: str) -> None:
    store = stored(name)
    for token in store["tokens"]:
        answer = token["answer"]
        if answer["status"] == 401 and answer["message"] != "Token has expired":
            with pytest.raises(InvalidToken) as caught:
                signing.verify(token["token"], store["secret"].encode())
            assert caught.value.message == answer["message"]
        else:
            claims = signing.verify(token["token"], store["secret"].encode())
            if token["id"] is not None and token["issued_at"] is not None:
                assert (claims.sub, claims.iat, claims.exp) == (
                    *(token["id"], token["issued_at"]),
                    token["expires_at"],
                )
                assert signing.sign(claims, store["secret"].encode()) == token["token"] or name == "no-store"


def test_raw_bytes_are_the_key_even_when_they_look_like_something_else() -> None:
    for key in (" Тайна é ".encode(), b'{"kty":"oct"}', b"-----BEGIN PUBLIC KEY-----", b"k"):
        assert signing.verify(signing.sign(README_CLAIMS, key), key) == README_CLAIMS


GOOD = b'{"sub":"00000000-0000-4000-8000-000000000001","iat":1700000000,"exp":4102444800,"label":"x"}'

# The claims and columns of the first group were recorded from the reference (http/client-auth.json).
REFUSED = [
    (made(GOOD.replace(b'"sub":"00000000-0000-4000-8000-000000000001",', b"")),
     "JSON error: missing field `sub` at line 1 column 47"),
    (made(GOOD.replace(b'"exp":4102444800,', b"")), "JSON error: missing field `exp` at line 1 column 75"),
    (made(GOOD.replace(b"4102444800", b'"4102444800"')),
     'JSON error: invalid type: string "4102444800", expected i64 at line 1 column 81'),
    (made(GOOD.replace(b"4102444800", b"-1")), "Missing required claim: exp"),
    (made(GOOD, b'{"typ":"JWT","alg":"none"}'),
     f"JSON error: unknown variant `none`, expected one of {ALGORITHMS} at line 1 column 25"),
    (made(GOOD, b'{"typ":"JWT","alg":"HS384"}'), "InvalidAlgorithm"),
    (made(GOOD, key=b"another"), "InvalidSignature"),
    ("la_sk_rubbish", "InvalidToken"),
    ("la_sk_a.b.c", "Base64 error: Invalid input length: 1"),
    # and these follow from the same rules
    ("la_sk_", "InvalidToken"),
    ("la_sk_..", "JSON error: expected value at line 1 column 1"),
    (made(GOOD)[:-1], "InvalidSignature"),
    (made(GOOD) + "=", "InvalidSignature"),
    (made(GOOD).rsplit(".", 1)[0] + ".", "InvalidSignature"),
    (made(GOOD)[:60] + "A" + made(GOOD)[61:], "InvalidSignature"),
    (made(GOOD.replace(b"4102444800", b"null")),
     "JSON error: invalid type: null, expected i64 at line 1 column 73"),
    (made(GOOD.replace(b"4102444800", b"1.5")),
     "JSON error: invalid type: floating point `1.5`, expected i64 at line 1 column 72"),
    (made(GOOD.replace(b"4102444800", b"true")),
     "JSON error: invalid type: boolean `true`, expected i64 at line 1 column 73"),
    (made(GOOD.replace(b'"x"', b"null")),
     "JSON error: invalid type: null, expected a string at line 1 column 92"),
    (made(GOOD.replace(b'"label":"x"', b'"sub":"y"')), "JSON error: duplicate field `sub` at line 1 column 85"),
    (made(b"[1]"), "JSON error: expected value at line 1 column 1"),
    (made(b"[" * 9000), "JSON error: expected value at line 1 column 1"),
    (made(b'{"sub":' + b"[" * 9000), "JSON error: expected value at line 1 column 1"),
    (made(b'{"sub":"\xff"}'), "JSON error: invalid unicode code point at line 1 column 9"),
    (made(GOOD[:-1]), "JSON error: expected value at line 1 column 1"),
    (made(GOOD + b"x"), "JSON error: expected value at line 1 column 1"),
    (made(GOOD[:-1] + b",}"), "JSON error: expected value at line 1 column 1"),
    (made(GOOD.replace(b"4102444800", b"9" * 400)), "JSON error: number out of range at line 1 column 469"),
]  # fmt: skip


@pytest.mark.parametrize(("secret", "detail"), REFUSED)
def test_refusals_use_the_references_words(secret: str, detail: str) -> None:
    with pytest.raises(InvalidToken) as caught:
        signing.verify(secret, KEY)
    assert caught.value.message == f"Invalid token: {detail}"


@pytest.mark.parametrize("payload", [
    GOOD,
    GOOD.replace(b',"label":"x"', b""),
    GOOD.replace(b"00000000-0000-4000-8000-000000000001", b""),
    GOOD.replace(b'"x"', b'"x","nbf":4102444000,"iss":[1],"deep":{"a":{}}'),
    b' { "sub" : "a" , "iat" : -5 , "exp" : 7 }\n',
])  # fmt: skip
def test_what_the_reference_takes_is_taken(payload: bytes) -> None:
    fields = json.loads(payload)
    read = signing.verify(made(payload), KEY)
    assert (read.sub, read.iat, read.exp, read.label) == (
        *(fields["sub"], fields["iat"], fields["exp"]),
        fields.get("label", ""),
    )
    assert not read.has_audience


def test_the_header_may_lack_typ_and_carry_more() -> None:
    for header in (b'{"alg":"HS256"}', b'{"kid":"1","alg":"HS256","typ":"x"}'):
        assert signing.verify(made(GOOD, header), KEY).label == "x"


def test_an_audience_is_told() -> None:
    assert signing.verify(made(GOOD.replace(b'"x"', b'"x","aud":"x"')), KEY).has_audience
    assert not signing.verify(made(GOOD.replace(b'"x"', b'"x","aud":null')), KEY).has_audience


def test_one_secret_has_one_spelling() -> None:
    """Refuse unused bits of the last base64 letter, as the reference does: revocation by value needs it."""
    good = made(GOOD)
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = good[:-1] + last[last.index(good[-1]) + 1]
    with pytest.raises(InvalidToken):
        signing.verify(twin, KEY)


HOSTILE = ["'", '"', "la_sk_'; DROP TABLE tokens_token; --", "la_sk_" + "é" * 50, "la_sk_a.b\0c.d",
           "la_sk_\ud800.a.b", "la_sk_" + "." * 1000, "LA_SK_x.y.z", "", "la_sk_{{7*7}}.${x}.%n"]  # fmt: skip


@pytest.mark.parametrize("secret", HOSTILE)
def test_hostile_secrets_are_refused_in_words(secret: str) -> None:
    with pytest.raises((InvalidToken, BadPrefix)) as caught:
        signing.verify(secret, KEY)
    assert "DROP" not in caught.value.message
    assert caught.value.message.isascii()


def test_a_huge_secret_costs_nothing() -> None:
    huge = made(b'{"sub":"' + b"a" * 64_000 + b'","iat":1,"exp":2}')
    started = time.process_time()
    for _ in range(1000):
        with pytest.raises(InvalidToken, match=r"^Invalid token: InvalidToken$"):
            signing.verify(huge, KEY)
    assert time.process_time() - started < 0.5


# What strangers put into the three parts: refused in words that every answer, row and log can hold.

CLAIMS = b'{"sub":"a","iat":1,"exp":99999999999}'
HEADERS_OF_STRANGERS = {
    "lone surrogate": (b'{"alg":"\\ud800"}', "lone leading surrogate"),
    "lone surrogate in a name": (b'{"\\udfff":1,"alg":"HS256"}', "lone leading surrogate"),
    "surrogate in another field": (b'{"alg":"HS256","kid":"\\ud800x"}', "lone leading surrogate"),
    "escape sequence": (b'{"alg":"\\u001b[31m"}', "u001b[31m"),
    "NUL": (b'{"alg":"\\u0000"}', "u0000"),
    "none": (b'{"alg":"none"}', "unknown variant `none`"),
    "another algorithm": (b'{"alg":"RS256"}', "InvalidAlgorithm"),
    "list": (b'{"alg":["HS256"]}', "unknown variant `sequence`"),
    "deep": (b'{"alg":' + b"[" * 5000 + b"]" * 5000 + b"}", "JSON error"),
    "4,000 digits": (b'{"alg":' + b"9" * 4000 + b"}", "unknown variant `integer"),
    "5,000 digits": (b'{"alg":' + b"9" * 5000 + b"}", "JSON error"),
    "crit": (b'{"alg":"HS256","crit":["exp"]}', "InvalidToken"),
    "array": (b"[]", "JSON error"),
    "text": (b'"HS256"', "JSON error"),
    "nothing": (b"", "JSON error"),
    "not UTF-8": (b"\xff", "invalid unicode"),
    "mark": (b'\xef\xbb\xbf{"alg":"HS256"}', "JSON error"),
    "twice": (b'{"alg":"HS256","alg":"none"}', "duplicate field"),
}


@pytest.mark.parametrize(("header", "words"), HEADERS_OF_STRANGERS.values(), ids=HEADERS_OF_STRANGERS.keys())
def test_a_header_of_a_stranger_is_refused_in_clean_words(header: bytes, words: str) -> None:
    with pytest.raises(InvalidToken) as refused:
        signing.verify(made(CLAIMS, header), KEY)
    assert words in str(refused.value)
    assert_clean(str(refused.value))


@pytest.mark.parametrize(
    "payload",
    [
        b'{"sub":"\\ud800","iat":1,"exp":99999999999}',
        b'{"sub":"a","iat":1,"exp":99999999999,"label":"\\udc00"}',
        b'{"sub":"a","iat":1,"exp":1e999}',
        b'{"sub":"a","iat":1,"exp":NaN}',
        b'{"sub":"a","iat":1,"exp":' + b"9" * 4200 + b"}",
        b'{"sub":"a","iat":1,"exp":' + b"9" * 4400 + b"}",
        b'{"sub":"a","iat":-9223372036854775809,"exp":9}',
        b'{"sub":"a","iat":1,"exp":"soon\\ud800"}',
        b'{"sub":"a","iat":1,"exp":[[[]]]}',
        b'{"sub":5,"iat":1,"exp":9}',
        b'{"sub":null,"iat":1,"exp":9}',
        b'{"sub":"a","iat":true,"exp":9}',
        b"[1]",
        b"1",
    ],
)
def test_a_payload_is_refused_in_clean_words_even_when_it_is_signed(payload: bytes) -> None:
    with pytest.raises(InvalidToken) as refused:
        signing.verify(made(payload), KEY)
    assert_clean(str(refused.value))


def assert_clean(words: str) -> None:
    """Nothing that can't be written on, or that a terminal obeys; short enough for a line."""
    words.encode()
    assert words.isprintable()
    assert len(words) < 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["alg", "typ", "kid", "crit", "sub", "iat", "exp", "label", "aud"]) | st.text(
    st.characters()
)
objects = st.dictionaries(names, json_values, max_size=5).map(lambda value: json.dumps(value).encode())
parts = st.binary(max_size=60) | objects | json_values.map(lambda value: json.dumps(value).encode())


@given(parts, parts)
def test_no_part_makes_anything_but_claims_or_a_clean_refusal(header: bytes, payload: bytes) -> None:
    for head in (header, signing.HEADER):
        try:
            claims = signing.verify(made(payload, head), KEY)
        except InvalidToken as refused:
            assert_clean(str(refused))
        else:
            (claims.sub + claims.label).encode()


@given(st.text(st.characters(), max_size=80))
def test_no_text_after_the_prefix_is_more_than_refused(rest: str) -> None:
    with pytest.raises(InvalidToken) as refused:
        signing.verify(f"la_sk_{rest}", KEY)
    assert_clean(str(refused.value))
