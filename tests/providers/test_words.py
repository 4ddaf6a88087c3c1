"""Where an upstream's words enter: within bounds, and without the secrets that it quotes."""

from __future__ import annotations

import gzip
import json
from urllib.parse import quote

import httpx
import pytest

from gateway.kernel.redaction import redact
from providers import words
from providers.dialects.sse import Quiet
from providers.dialects.types import Failure, FailureKind, Refused, WireAnswer
from providers.upstream import Credential, CredentialKind
from providers.words import (
    MAX_WORDS_BYTES,
    UNSEEN,
    Heard,
    QuietWords,
    StreamWords,
    clean_failure,
    clean_headers,
    heard,
    is_quick,
    read_bounded,
    unquoted,
)
from tests.wire.feeding import splits

SECRET = "canary/of+an=upstream~key-0123456789"
JSON = ((b"content-type", b"application/json"),)
GZIP = (*JSON, (b"content-encoding", b"gzip"), (b"content-length", b"1"))


@pytest.fixture(autouse=True)
def credential() -> None:
    """Known since it was made."""
    Credential(CredentialKind.API_KEY, SECRET)


def error(quoted: str = SECRET) -> bytes:
    return json.dumps({"error": {"message": f"wrong key {quoted}", "type": "authentication_error"}}).encode()


def test_a_good_answer_is_not_looked_at() -> None:
    good = WireAnswer(200, JSON, error())
    assert heard(good).passing is good and heard(good).plain is good
    coded = WireAnswer(200, GZIP, gzip.compress(error()))
    assert heard(coded).passing is coded
    assert heard(coded).plain == WireAnswer(200, JSON, error())


def test_an_error_without_secrets_passes_as_it_is() -> None:
    for refused in (
        WireAnswer(429, JSON, error("none")),
        WireAnswer(400, GZIP, gzip.compress(error("none"))),
    ):
        assert heard(refused).passing is refused
        assert heard(refused).plain.body == error("none")


@pytest.mark.parametrize(
    "quoted",
    [
        SECRET,
        f"Bearer {SECRET}",
        quote(SECRET, safe=""),
        quote(SECRET, safe="/"),
        SECRET.replace("/", "\\/"),
        SECRET[:20],
    ],
)
@pytest.mark.parametrize("headers", [JSON, GZIP])
def test_a_quoted_credential_is_taken_out(quoted: str, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    body = error(quoted)
    told = (*headers, (b"x-debug", SECRET.encode()), (b"retry-after", b"7"))
    found = heard(WireAnswer(401, told, gzip.compress(body) if headers is GZIP else body))
    assert found.passing is found.plain
    everything = found.plain.body + b"".join(value for _, value in found.plain.headers)
    assert b"canary" not in everything
    assert b"wrong key" in found.plain.body
    assert (b"retry-after", b"7") in found.plain.headers
    assert all(name not in (b"content-encoding", b"content-length") for name, _ in found.plain.headers)
    assert json.loads(found.plain.body)["error"]["type"] == "authentication_error"


@pytest.mark.parametrize(
    "refused",
    [
        WireAnswer(500, JSON, b"x" * (MAX_WORDS_BYTES + 1)),
        WireAnswer(500, GZIP, gzip.compress(b"x" * (MAX_WORDS_BYTES + 1))),
    ],
)
def test_an_error_that_nobody_reads_is_not_shown(refused: WireAnswer) -> None:
    assert heard(refused).passing == WireAnswer(500, JSON, UNSEEN)


def test_a_good_answer_that_is_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused):
        heard(WireAnswer(200, GZIP, gzip.compress(b"\0" * (65 << 20))))


def test_what_is_large_or_compressed_is_not_for_the_event_loop() -> None:
    assert is_quick(WireAnswer(200, JSON, b"x" * 10**6))
    assert is_quick(WireAnswer(400, JSON, error()))
    assert not is_quick(WireAnswer(400, JSON, b"x" * 10**6))
    assert not is_quick(WireAnswer(400, GZIP, b""))
    assert not is_quick(WireAnswer(200, GZIP, b""))


def test_a_failure() -> None:
    clean = Failure(FailureKind.UPSTREAM, "down", param="model")
    assert clean_failure(clean) is clean
    told = clean_failure(Failure(FailureKind.UPSTREAM, f"no {SECRET}", code=SECRET, vendor_body=error()))
    assert "canary" not in repr(told)


def test_headers_that_quote_in_their_names_go() -> None:
    told = ((b"x-" + SECRET.lower().encode(), b"1"), (b"retry-after", b"7"))
    assert clean_headers(told) == ((b"retry-after", b"7"),)


def test_a_good_answer_that_is_read_here_has_not_the_call_s_credential() -> None:
    good = Heard(WireAnswer(200, JSON, b'{"id":"m"}'), WireAnswer(200, JSON, b'{"id":"m"}'))
    assert unquoted(good, SECRET) is good
    quoting = WireAnswer(200, JSON, b'{"text":"' + SECRET.encode() + b'"}')
    told = unquoted(Heard(quoting, quoting), SECRET)
    assert told.plain.body == told.passing.body == b'{"text":"' + b"*" * len(SECRET) + b'"}'


# --- one of our own questions


def answer(body: bytes, headers: dict[str, str]) -> httpx.Response:
    return httpx.Response(401, headers=headers, stream=httpx.ByteStream(body))


def test_an_answer_to_ourselves_is_bounded_and_clean() -> None:
    coded = {"content-encoding": "gzip"}
    assert b"canary" not in read_bounded(answer(gzip.compress(error()), coded), 1000).body
    for body, headers in ((b"x" * 1001, {}), (gzip.compress(b"x" * 1001), coded)):
        with pytest.raises(httpx.RemoteProtocolError):
            read_bounded(answer(body, headers), 1000)


# --- streams

ORDINARY = (
    b'event: message_start\ndata: {"type":"message_start"}\n\n'
    b'data: {"choices":[{"delta":{"content":"an \\"error\\": {\\"a\\": 1}"}}],"error":null}\n\n: ping\n\n'
)
ERRORS = [
    b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"key %s"}}\n\n',
    b'data: {"error": {"message": "key %s"}}\r\n\r\n',
    b'event: response.failed\ndata: {"response":{"error":{"message":"key %s"}}}\n\n',
    b'data: {"id":"chatcmpl-1","object":"error","message":"key %s"}\n\n',
]


@pytest.mark.parametrize("bad", ERRORS)
def test_error_events_are_cleaned_in_any_split(bad: bytes) -> None:
    data = ORDINARY + bad.replace(b"%s", SECRET.encode()) + ORDINARY
    clean = ORDINARY + bad.replace(b"%s", b"***") + ORDINARY
    for chunks in splits(data):
        listening = StreamWords()
        assert b"".join(map(listening, chunks)) + listening.flush() == clean


def test_events_pass_once_they_are_whole_and_large_ones_in_parts() -> None:
    listening = StreamWords()
    assert listening(ORDINARY) is ORDINARY or listening(ORDINARY) == ORDINARY
    assert (listening(ORDINARY[:40]), listening.held) == (b"", ORDINARY[:40])
    assert listening(ORDINARY[40:]) == ORDINARY
    large = b'event: message_start\ndata: {"a":"' + b"x" * words.EVENT_BYTES
    assert listening(large) == large
    assert (listening(b"y"), listening(b'"}\n\n')) == (b"y", b'"}\n\n')
    quiet = b"data: {}\n\n"
    assert listening(quiet) is quiet


def test_of_what_was_cut_only_a_whole_event_is_given_back() -> None:
    for torn in (b'data: {"error": "' + SECRET.encode(), b'data: {"a": "b', b"event: err", b"data: "):
        listening = StreamWords()
        assert listening(ORDINARY + torn) + listening.flush() == ORDINARY
    for whole in (b'data: {"a": {}}', b'event: x\ndata: {"a": 1}\n', b"data: [DONE]"):
        listening = StreamWords()
        assert listening(ORDINARY + whole) + listening.flush() == ORDINARY + whole
    quoting = StreamWords()
    assert (
        quoting(b'data: {"error": "' + SECRET.encode() + b'"}') + quoting.flush() == b'data: {"error": "***"}'
    )
    large = StreamWords()
    begun = b'data: {"a": "' + b"x" * words.EVENT_BYTES
    assert large(begun) + large.flush() == begun


def test_an_endless_error_is_not_held_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "MAX_WORDS_BYTES", 100)
    monkeypatch.setattr(words, "EVENT_BYTES", 100)
    assert len(StreamWords()(b'data: {"error": "' + b"x" * 200)) > 200


# --- the credential that a call was made with

QUOTING = [
    b'data: {"detail":"key %s"}\n\n',
    b'data: {"message":"key %s","code":500}\n\n',
    b"data: bad key %s\n\n",
    b": key %s\n\n",
    b'id: %s\ndata: {"choices":[]}\n\n',
    b'{"detail":"key %s"}\n\n',
    b'event: response.incomplete\ndata: {"response":{"incomplete_details":{"reason":"%s"}}}\n\n',
    b'event: content_block_delta\ndata: {"delta":{"text":"%s"}}\n\n',
]


@pytest.mark.parametrize("quoting", QUOTING)
def test_any_event_that_quotes_the_call_s_credential_is_cleaned(quoting: bytes) -> None:
    data = ORDINARY + quoting.replace(b"%s", SECRET.encode()) + ORDINARY
    for chunks in splits(data):
        listening = StreamWords(secret=SECRET)
        told = b"".join(map(listening, chunks)) + listening.flush()
        assert told == ORDINARY + quoting.replace(b"%s", b"***") + ORDINARY
    other = StreamWords(secret="sk-of-another-account-0123456789")
    assert other(data) == data  # what is good passes unseen


@pytest.mark.parametrize("secret", ["", "short"])
def test_without_a_credential_nothing_is_looked_for(secret: str) -> None:
    good = b'data: {"choices": "short"}\n\n'
    assert StreamWords(secret=secret)(good) is good


def test_what_only_begins_like_the_credential_passes() -> None:
    token = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9." + "a" * 40 + ".b"
    good = b'data: {"text":"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9 is a head"}\n\n'
    assert StreamWords(secret=token)(good) is good


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_an_error_in_wide_letters_is_read_and_cleaned(coding: str) -> None:
    body = json.dumps({"error": {"message": SECRET}}).encode(coding)
    told = heard(WireAnswer(401, ((b"content-type", f"application/json; charset={coding}".encode()),), body))
    assert told.plain.body == told.passing.body == b'{"error": {"message": "***"}}'
    assert told.passing.headers == ((b"content-type", b"application/json"),)


def test_an_event_that_is_known_to_be_quiet_passes_unless_it_quotes_the_credential() -> None:
    passing = QuietWords(redact.body, "sk-CANARY-0123456789")
    quiet = Quiet(b'event: content_block_delta\ndata: {"delta":{"text":"an error"}}\n\n')
    assert passing(quiet) is quiet
    quoting = Quiet(b'event: content_block_delta\ndata: {"delta":{"text":"sk-CANARY-0123456789"}}\n\n')
    assert b"CANARY" not in passing(quoting) + passing.flush()
    assert passing(quiet) == quiet
