"""Who listens to an answer as it passes: errors, and the credential that a call was made with."""

from __future__ import annotations

import gzip

import pytest

from providers.dialects.types import Refused, WireAnswer
from providers.listening import SEARCHED_BYTES, DecodedWords, WholeWords, coded_words
from providers.translation.pairs.passthrough import Passthrough
from providers.upstream import Credential, CredentialKind
from providers.words import StreamWords
from tests.wire.feeding import splits

SECRET = "sk-canary-Zk93jfLq02mXn4Bv7TqPwR8sYc/of+an=upstream"
MASK = b"*" * len(SECRET)


@pytest.fixture(autouse=True)
def credential() -> None:
    """Known since it was made."""
    Credential(CredentialKind.API_KEY, SECRET)


@pytest.mark.parametrize(
    "body",
    [
        b'{"type": "error", "error": {"message": "key %s"}}',
        b' [ {"error": {"message": "key %s"}}]',
        b'{"detail":"%s","x":"' + b"y" * 9000 + b'"}',
        b'{"object":"error","message":"%s"}',
    ],
)
def test_it_is_masked_without_a_change_of_its_length(body: bytes) -> None:
    sent = body.replace(b"%s", SECRET.encode())
    for chunks in splits(sent):
        listening = WholeWords()
        told = b"".join(map(listening, chunks)) + listening.flush()
        assert told == body.replace(b"%s", b"*" * len(SECRET))
        assert len(told) == len(sent)


def test_an_answer_passes_from_its_first_bytes_on() -> None:
    listening = WholeWords()
    good = b'{"id":"msg_1","content":[{"text":"the \\"error\\": ' + SECRET.encode() + b'"}],' + b" " * 256
    assert listening(good) == good
    assert listening(b'{"error":1}') == b'{"error":1}'
    assert listening.flush() == b""
    for short in (b"", b"[1]", b'{"error":1}', b'{"data":[]}', b" "):
        listening = WholeWords()
        assert listening(short) + listening.flush() == short


@pytest.mark.parametrize(
    "good", [b"{}", b'{"id": "msg_1"', b' {"type":"message"', b'{"object":"list"', b"x", b"7"]
)
def test_what_can_be_no_error_is_not_held(good: bytes) -> None:
    assert WholeWords()(good) is good


@pytest.mark.parametrize(
    "body",
    [
        b'{"message":"key %s","code":500}',
        b'{"id":"r","status":"failed","error":{"message":"%s"}}',
        b"key %s",
        b'{"id":"msg_1","content":[{"type":"text","text":"%s"}]}',
        b'{"custom_id":"1"}\n{"error":"%s"}\n',
        b'{"pad":"' + b"y" * 300 + b'","message":"%s"}',
        b'["%s"]',
    ],
)
def test_an_answer_of_any_shape_is_masked_however_it_is_cut(body: bytes) -> None:
    for chunks in splits(body.replace(b"%s", SECRET.encode())):
        listening = WholeWords(SECRET)
        told = b"".join(map(listening, chunks)) + listening.flush()
        assert told == body.replace(b"%s", MASK), chunks


@pytest.mark.parametrize("secret", ["", "short"])
def test_without_a_credential_nothing_is_looked_for(secret: str) -> None:
    assert WholeWords(secret)(b'{"id": "short"}') == b'{"id": "short"}'


def test_a_large_answer_is_searched_as_far_as_it_costs_little() -> None:
    listening = WholeWords(SECRET)
    piece = b'{"id":"' + b"x" * 65536
    assert listening(piece) is piece
    assert listening(b"y" + SECRET.encode()) == b"y" + MASK
    for _ in range(SEARCHED_BYTES // 65536):
        listening(b"z" * 65536)
    assert listening(SECRET.encode()) == SECRET.encode()


@pytest.mark.parametrize(
    "quoted", [SECRET.replace("/", "\\/"), SECRET.replace("-", "\\u002d"), SECRET.replace("+", "%2B")]
)
def test_escaped_it_is_found_all_the_same(quoted: str) -> None:
    told = WholeWords(SECRET)(b'{"id":"' + quoted.encode() + b'"}')
    assert told == b'{"id":"' + b"*" * len(quoted) + b'"}'
    event = b'data: {"a":"%s"}\n\n'
    assert StreamWords(secret=SECRET)(event.replace(b"%s", quoted.encode())) == event.replace(b"%s", b"***")


# --- compressed

EVENTS = ((b"content-type", b"text/event-stream"), (b"content-encoding", b"gzip"))
QUOTING = b'data: {"a": 1}\n\ndata: {"detail":"' + SECRET.encode() + b'"}\n\n'


class Translating:
    """Stands for any translator that reads its answer."""


def test_a_compressed_stream_is_decoded_before_it_is_listened_to() -> None:
    head, words = coded_words(WireAnswer(200, EVENTS), {}, True, SECRET, Translating())  # type: ignore[arg-type]
    assert head.headers == EVENTS[:1] and isinstance(words, DecodedWords)
    coded = gzip.compress(QUOTING)
    told = b"".join(words(coded[at : at + 1]) for at in range(len(coded))) + words.flush()
    assert told == QUOTING.replace(SECRET.encode(), b"***")
    assert words.held == b""
    with pytest.raises(Refused):
        coded_words(WireAnswer(200, EVENTS), {}, True, SECRET, Translating())[1](b"no gzip")  # type: ignore[arg-type, misc]


def test_what_passes_compressed_is_heard_by_its_translator() -> None:
    translator = Passthrough()
    head, words = coded_words(WireAnswer(200, EVENTS), {}, True, SECRET, translator)
    assert words is None and translator.response(head).headers == EVENTS
    coded = gzip.compress(QUOTING, 0)
    with pytest.raises(Refused):
        for at in range(0, len(coded), 20):
            translator.feed(coded[at : at + 20])


def test_a_coding_that_nobody_knows_or_none_at_all() -> None:
    unknown = WireAnswer(200, ((b"content-encoding", b"made-up"),))
    assert coded_words(unknown, {}, True, SECRET, Translating()) == (unknown, None)  # type: ignore[arg-type]
    plain = WireAnswer(200, ((b"content-encoding", b"identity"),))
    assert isinstance(coded_words(plain, {}, False, SECRET, Passthrough())[1], WholeWords)
