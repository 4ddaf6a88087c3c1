"""What is a secret, in whatever form, and what is none."""

import base64
import time
from collections.abc import Callable

import pytest

from gateway.kernel import redaction
from gateway.kernel.redaction import Redactor

KEPT = "correct/horse+battery=staple"


@pytest.fixture
def redactor() -> Redactor:
    fresh = Redactor()
    fresh.add([KEPT, "short"])
    return fresh


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"a {KEPT} b", "a *** b"),
        ("a correct%2Fhorse%2bbattery=staple b", "a *** b"),
        ("a correct%252Fhorse%252Bbattery%253Dstaple b", "a *** b"),
        (r"a correct\/horse\u002bbattery=staple b", "a *** b"),
        (r"a correct\\/horse\\u002Bbattery=staple b", "a *** b"),
        ("a correct&#x2F;horse&#43;battery=staple b", "a *** b"),
        ("a correct/horse+batt...", "a ***..."),
        (f"{KEPT}{KEPT}", "***"),
        ("correct/horse", "correct/horse"),
        ("%41bc short 100% \\u0041", "%41bc short 100% \\u0041"),
        ("key=AIza" + "Sy0123456789abcdefghij and more", "key=AIza*** and more"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIA***"),
        ("ya29.a0AfH6SMBx12345", "ya29.***"),
        ("ghp_0123456789abcdefghij", "ghp_***"),
        ("xai-0123456789abcdefghij", "xai-***"),
        ("got eyJhbGciOi.eyJzdWIi.c2ln- here", "got *** here"),
        ("Bearer abcdefgh12345678", "Bearer ***"),
        ("https://x/y?key=abcdefgh&a=1", "https://x/y?key=***&a=1"),
        ("https://me:pass@host/", "https://***@host/"),
        ('{"x-goog-api-key": "abcdef012345"}', '{"x-goog-api-key": "***"}'),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "***-----END PRIVATE KEY-----"),
    ],
)
def test_an_upstreams_words(redactor: Redactor, text: str, clean: str) -> None:
    assert redactor.words(text) == clean
    assert redactor.body(text.encode()) == clean.encode()
    assert redactor.words(clean) is clean


@pytest.mark.parametrize(
    "text",
    [
        "authorization: Bearer authentication is required",
        "invalid x-api-key",
        "password: must be at least eight letters",
        '{"detail":[{"loc":["header","x-api-key"],"msg":"Field required"}]}',
        "use a key like sk-ant-...",
        "max_tokens: 128000 > 64000",
        "the request id is req_011CSHoEeqs5C35K2UUqR7Fy",
        "claude-sonnet-4-5-20250929 does not exist",
    ],
)
def test_ordinary_words_stay_the_same_object(redactor: Redactor, text: str) -> None:
    assert redactor.words(text) is text
    data = text.encode()
    assert redactor.body(data) is data


def test_other_letters(redactor: Redactor) -> None:
    redactor.add(["ключ-от-всех-дверей"])
    assert redactor.body("нет: ключ-от-всех-дверей".encode()) == "нет: ***".encode()
    assert redactor.words("нет: ключ-от-всех-дверей") == "нет: ***"
    assert redactor.body(b"\xff\xfe " + KEPT.encode()) == b"\xff\xfe ***"


LEARNED = "sk-Canary/Of.A-Vendor_0123"


@pytest.mark.parametrize(
    "written",
    [
        LEARNED.upper(),
        LEARNED.lower(),
        LEARNED.encode().hex(),
        LEARNED.encode().hex().upper(),
        LEARNED.replace("-", "\\u{2d}").replace("/", "\\u{002F}"),
        LEARNED.replace("-", "\\055").replace("/", "\\x2f"),
    ],
)
def test_other_writings_of_a_secret_are_known_in_an_upstream_s_words(
    redactor: Redactor, written: str
) -> None:
    redactor.learn(LEARNED)
    assert redactor.words(f"bad key {written}, go") == "bad key ***, go"
    assert redactor.body(f"bad key {written}, go".encode()) == b"bad key ***, go"


@pytest.mark.parametrize("user", ["", "x:", "me:", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_behind_a_user_s_name_in_base64(
    redactor: Redactor, user: str, encode: Callable[[bytes], bytes]
) -> None:
    secret = "sk>>Canary??Of~~A+Vendor/0123456789"
    redactor.learn(secret)
    told = redactor.words(f"got {encode((user + secret).encode()).decode()}")
    assert "***" in told and len(told) <= len("got *****") + len(user) * 2 + 4


def test_credentials_that_come_and_go_are_bounded(
    redactor: Redactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redaction, "MOST_LEARNED", 2)
    for name in ("first-secret", "second-secret", "third-secret", None, ""):
        redactor.learn(name)
    assert redactor.words("first-secret second-secret third-secret") == "first-secret *** ***"
    assert redactor.words(KEPT) == "***"


@pytest.mark.parametrize(
    "text",
    [
        "://" + ":" * 300_000,
        "-eyJa" * 60_000,
        "api_key " * 40_000,
        "bearer " * 40_000,
        "%25" * 100_000,
        "&" * 300_000,
        "sk-" * 100_000,
        "-----BEGIN PRIVATE KEY-----" * 10_000,
        "\\" * 300_000,
    ],
    ids=lambda text: text[:8],
)
def test_no_text_takes_for_ever(redactor: Redactor, text: str) -> None:
    began = time.process_time()
    redactor.words(text)
    redactor(text)
    assert time.process_time() - began < 5
