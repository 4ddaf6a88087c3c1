"""What is fuzzed, each as a function of bytes that fails when its property does not hold.

For all of them: no exception but the documented ones, and the same result however the bytes are split.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson
from jwt.algorithms import HMACAlgorithm
from jwt.utils import base64url_encode

from gateway.payments import credential as credentials
from gateway.payments import encoding, preferences
from gateway.payments.challenge import Challenge, bound_id, is_ours
from gateway.payments.credential import Credential
from gateway.payments.currencies import BadAmount, base_units
from gateway.payments.desk import Asked, Desk
from gateway.payments.methods.base import Offer
from gateway.payments.methods.lightning import LightningOptions
from gateway.payments.methods.rehearsal import TestMethod
from gateway.payments.methods.stripe import StripeOptions
from gateway.payments.options import PaymentOptions
from gateway.payments.problems import Code, PaymentProblem, Terms
from providers.dialects.eventstream import Frame, FrameReader, encode
from providers.dialects.sse import SseReader
from providers.dialects.types import Refused
from providers.http1.connection import Connection
from providers.http1.errors import Disconnected, ProtocolError
from tests.fuzz import federation
from tokens.errors import BadPrefix, InvalidToken
from tokens.jwt.signing import HEADER, PREFIX, Claims, sign, verify

Pieces = Sequence[bytes]
KEY = b"a key for fuzzing, long enough to be one"
_HMAC = HMACAlgorithm(HMACAlgorithm.SHA256)
_LOOP = asyncio.new_event_loop()
_NEAR, _FAR = socket.socketpair()


def splits(data: bytes) -> tuple[int, list[Pieces]]:
    """A number for the target's own use, and the rest of `data`: whole, byte by byte, and in pieces of odd sizes."""
    number, data = (data[0], data[1:]) if data else (0, b"")
    return number, [[data], [data[at : at + 1] for at in range(len(data))], list(_odd(data, number))]


def _odd(data: bytes, number: int) -> Iterator[bytes]:
    sizes = itertools.cycle((1 + number % 7, 2, 1 + number // 7, 11))
    at = 0
    for size in sizes:
        if at >= len(data):
            return
        yield data[at : at + size]
        at += size


class _Wire(asyncio.Transport):
    """A transport that leads nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.is_aborted = self.is_paused = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return _NEAR if name == "socket" else default

    def is_closing(self) -> bool:
        return self.is_aborted

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def abort(self) -> None:
        self.is_aborted = True


def _step(coroutine: Any) -> Any:
    """Goes on until it has a result. It must not wait: everything that it could wait for has happened."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits for ever")


def answer(pieces: Pieces, is_head: bool) -> tuple[Any, ...]:
    """What a connection makes of these bytes and the end behind them: head, body, and how it ended."""
    wire, connection = _Wire(), Connection(_LOOP)
    connection.connection_made(wire)
    exchanging = connection.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"", is_head)
    exchanging.send(None)
    for piece in pieces:
        if wire.is_aborted:
            break
        connection.data_received(piece)
    may_be_kept = connection.is_reusable
    connection.eof_received()
    connection.connection_lost(None)
    try:
        _step(exchanging)
    except (Disconnected, ProtocolError) as exc:
        return (type(exc).__name__,)
    body = b""
    try:
        while data := _step(connection.read()):
            body += data
        ending = "whole"
    except ProtocolError:
        ending = "cut"
    assert 200 <= connection.status < 600
    assert not (is_head and body)
    assert not may_be_kept or ending == "whole"
    return connection.status, connection.headers, connection.reason, body, ending


def http_answer(data: bytes) -> None:
    """The HTTP/1.1 client's reading of an answer."""
    number, ways = splits(data)
    results = [answer(pieces, number % 8 == 7) for pieces in ways]
    assert results[1:] == results[:-1], results


def sse(data: bytes) -> None:
    """The reader of server-sent events."""
    results = []
    for pieces in splits(data)[1]:
        reader = SseReader()
        events = [event for piece in pieces for event in reader.feed(piece)]
        assert all(b"\r" not in name and b"\n" not in name for name, _ in events)
        results.append((events, reader.is_at_boundary, reader.flush()))
    assert results[1:] == results[:-1], results


def event_stream(data: bytes) -> None:
    """The reader of AWS event-stream frames: any bytes, and frames with sound checksums around any bytes."""
    number, ways = splits(data)
    raw = ways[0][0]
    if number % 2:
        at = number * len(raw) // 512
        whole = encode(raw[:at], raw[at:]) + encode(b"", raw)
        ways = [[whole], [whole[at : at + 1] for at in range(len(whole))], list(_odd(whole, number))]
    results = [_frames(pieces) for pieces in ways]
    assert all(kind == results[0][0] for kind, _ in results), results
    if results[0][0] == "sound":
        assert all(result == results[0] for result in results), results


def _frames(pieces: Pieces) -> tuple[str, list[Frame]]:
    reader = FrameReader()
    frames: list[Frame] = []
    try:
        for piece in pieces:
            frames += reader.feed(piece)
    except Refused:
        return "broken", frames
    return "sound" if reader.is_at_boundary else "cut", frames


def token(data: bytes) -> None:
    """The verification of our tokens: any text, and soundly signed headers and claims of any bytes."""
    number, ways = splits(data)
    raw = ways[0][0]
    signed = _signed(HEADER, raw) if number % 2 else _signed(raw, b'{"sub":"x","iat":1,"exp":2}')
    for secret in (PREFIX + raw.decode("latin-1"), raw.decode("utf-8", "surrogateescape"), signed):
        try:
            claims = verify(secret, KEY)
        except (BadPrefix, InvalidToken):
            continue
        assert isinstance(claims, Claims)
        assert claims.exp >= 0
        assert verify(sign(claims, KEY), KEY) == Claims(claims.sub, claims.iat, claims.exp, claims.label)


def _signed(header: bytes, payload: bytes) -> str:
    message = base64url_encode(header) + b"." + base64url_encode(payload)
    return PREFIX + (message + b"." + base64url_encode(_HMAC.sign(message, KEY))).decode("ascii")


def credential(data: bytes) -> None:
    """The reading of a payment's credential: header values of any bytes, and tokens around any bytes."""
    raw = splits(data)[1][0][0]
    for value in (raw, b"Payment " + raw, b"Payment " + encoding.encode(raw).encode()):
        try:
            read = credentials.parse(value)
        except PaymentProblem as problem:
            assert problem.code is Code.MALFORMED
            assert problem.status == 402
            continue
        told = {"challenge": read.challenge.echo(), "payload": read.payload}
        again = credentials.parse(b"Payment " + encoding.encode(orjson.dumps(told)).encode())
        assert (again.challenge, again.payload) == (read.challenge, read.payload)
        assert read.challenge.header_value().isascii()
        assert not is_ours((KEY,), read.challenge)


def challenge(data: bytes) -> None:
    """The binding and recognising of challenges: whatever is in their parameters."""
    number, ways = splits(data)
    parts = ways[0][0].decode("latin-1").split("|")
    values = [part.encode("ascii", "ignore").decode() for part in parts] + [""] * 8
    made = Challenge("", *values[:8])
    bound = replace(made, id=bound_id(KEY, made))
    assert is_ours((b"another key, long enough to be one.", KEY), bound)
    name = ("realm", "method", "intent", "request", "expires", "digest", "opaque")[number % 7]
    assert not is_ours((KEY,), replace(bound, **{name: getattr(bound, name) + "x"}))
    told = Credential(bound, {}, "")
    try:
        _DESK.recognise(told, Asked("/v1/messages", b"h" * 32))
    except PaymentProblem as problem:
        assert problem.code in (Code.INVALID_CHALLENGE, Code.INSUFFICIENT, Code.EXPIRED)
        return
    assert made.realm == "r"


def payment_headers(data: bytes) -> None:
    """`Accept-Payment`, and amounts."""
    raw = splits(data)[1][0][0]
    wanted = preferences.ordered(("stripe", "test"), "charge", raw.split(b"\n"))
    assert wanted and set(wanted) <= {"stripe", "test"} and len(set(wanted)) == len(wanted)
    for currency in ("usd", "jpy", "kwd"):
        try:
            units = base_units(raw.decode("latin-1"), currency)
        except BadAmount:
            continue
        assert units.isascii() and units.isdecimal() and int(units) > 0 and not units.startswith("0")


_TERMS = Terms("0.05", "USD", "me", "test")
_DESK = Desk(
    PaymentOptions(
        offer=Offer("5", "usd", "me"), terms=_TERMS, methods=("test",), realm="r", expires_seconds=300.0,
        surfaces="all", allows_anonymous=False, stripe=StripeOptions("", "", (), ""),
        lightning=LightningOptions("", "", 300.0), secrets=(KEY,),
    ),
    {"test": TestMethod()},
)  # fmt: skip


TARGETS: dict[str, Callable[[bytes], None]] = {
    "http_answer": http_answer,
    "sse": sse,
    "event_stream": event_stream,
    "token": token,
    "credential": credential,
    "challenge": challenge,
    "payment_headers": payment_headers,
    "signature": federation.signature,
    "document": federation.document,
}
WORDS: dict[str, tuple[bytes, ...]] = {
    "http_answer": (
        b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 204 X\r\n",
        b"HTTP/1.1 304 X\r\n", b"HTTP/1.1 999 X\r\n", b"HTTP/1.1 000 X\r\n", b"HTTP/1.1 199 X\r\n",
        b"Content-Length: 2\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\t\r\n", b"Transfer-Encoding: gzip, chunked,\r\n", b"Transfer-Encoding: gzip\r\n",
        b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Keep-Alive: timeout=5\r\n",
        b"Connection: upgrade\r\nUpgrade: x\r\n", b"X: y\r\n", b"\r\n", b"\n", b"2\r\nok\r\n", b"2;x=y\r\nok\r\n",
        b"0\r\n\r\n", b"0\r\nTrailer: x\r\n\r\n", b"ok", b"f" * 16, b"\x00", b" ", b"\t", b",", b":",
    ),
    "sse": (
        b"event: message\n", b"data: {}\n", b"data:", b"data", b"id: 1\n", b"retry: 5\n", b": comment\n",
        b"\n", b"\r", b"\r\n", b"\xef\xbb\xbf", b"\n\n", b"\r\r", b"x", b"\x00", b"\xff",
    ),
    "event_stream": (
        encode(b"", b""), encode(b"", b"payload"), b"\x00\x00\x00\x10", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff",
        b"\x0b:event-type\x07\x00\x05chunk", b"\x01x\x07\xff\xff", b"\x01x\x09", b"\x01x\x06\x00\x01y", b"\x00",
    ),
    "token": (
        sign(Claims("x", 1, 2), KEY).encode(), PREFIX.encode(), b".", b'{"alg":"HS256"}', b'"alg"', b'"sub":"x"',
        b'"exp":9', b'"iat":1', b'"label":"y"', b'"aud":[]', b"{", b"}", b",", b":", b"[" * 64, b"1" * 64, b"-1",
        b"1e400", b"NaN", b"null", b'"\\ud83d"', b"\xf0\x9f", b" ", b"\n",
    ),
    "credential": (
        b"Payment ", b"payment\t", encoding.encode(b'{"challenge":{},"payload":{}}').encode(), b"=", b"-", b"_",
        b'{"challenge":{"id":"i","realm":"r","method":"m","intent":"charge","request":"e30"},"payload":{}}',
        b'{"challenge":', b'"payload":{', b'"id":"i",', b'"realm":"r",', b'"expires":1', b'"header":null', b"}", b",",
        b"[" * 64, b"null", b'"\\ud83d"', b"\xf0\x9f", b"\x00", b'"\xc3\xa9"',
    ),
    "challenge": (
        b"r|", b"test|", b"charge|", b"2099-01-01T00:00:00Z|", b"Payment-Authorization", b"|", b"|||", b"!", b"e30|",
        encoding.encode(b'{"amount":"5","currency":"usd","recipient":"me"}').encode() + b"|",
        encoding.encode(b'{"amount":"4","currency":"usd"}').encode() + b"|", b"sha-256=:|", b'\\"', b"\xff",
    ),
    "payment_headers": (
        b"stripe/charge", b"test/*", b"*/*", b";q=", b"0", b"0.5", b"1.000", b"1", b",", b" ", b"\t", b"\n", b".", b"-",
        b"e5", b"_", b"\xb2", b"99999999999999999",
    ),
    **federation.WORDS,
}  # fmt: skip
"""Of what such inputs are made: the dictionary of the fuzzer, and what Hypothesis puts together."""
