"""Compressed and broken bodies, both ways: bounded, sent where they belong, never a 500."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import time
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from tests.e2e.calls import ASK, STREAM
from tests.e2e.test_providers import provide
from tests.fakes import vendor as v
from tests.fakes.openai_vendor import OpenAiVendor
from tests.fakes.server import Answer
from tests.fakes.vendor import Vendor
from tests.harness import GatewayProcess
from tests.rawhttp import Response

MIB = 1024 * 1024
CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
    "deflate": zlib.compress,
    "gzip, zstd": lambda data: zstandard.compress(gzip.compress(data)),
}


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    zeros = b"\0" * (256 * MIB)
    return {
        "gzip": gzip.compress(zeros, 1),
        "br": brotli.compress(zeros, quality=1),
        "zstd": zstandard.compress(zeros),
        "deflate": zlib.compress(zeros, 1),
    }


def watched(gateway: GatewayProcess, call: Callable[[], Response]) -> tuple[Response, float, float]:
    """The answer, the slowest `/health` meanwhile in seconds, and what the memory grew by in bytes."""
    told: list[Response] = []
    asking = threading.Thread(target=lambda: told.append(call()))
    before, most, slowest = gateway.resident_bytes(), 0, 0.0
    asking.start()
    while True:
        is_last = not asking.is_alive()
        began = time.monotonic()
        assert gateway.ask("GET", "/health").status == 200
        slowest = max(slowest, time.monotonic() - began)
        most = max(most, gateway.resident_bytes())
        if is_last:
            asking.join()
            return told[0], slowest, most - before


@pytest.mark.parametrize("kind", ["whole", "stream", "error"])
def test_a_bomb_of_an_upstream_passes_and_explodes_nowhere(
    gateway: GatewayProcess, vendor: Vendor, bombs: dict[str, bytes], kind: str
) -> None:
    content_type, status = {"whole": (v.JSON, 200), "stream": (v.EVENT_STREAM, 200), "error": (v.JSON, 400)}[
        kind
    ]
    for coding, bomb in bombs.items():
        vendor.say(Answer(status, [content_type, ("content-encoding", coding)], [bomb]))
        told, slowest, grown = watched(gateway, lambda: gateway.messages(STREAM if kind == "stream" else ASK))
        assert told.status == status
        assert told.body == bomb or (kind == "error" and told.json()["error"]["type"] == "api_error")
        assert slowest < 0.25, (coding, slowest)
        assert grown < 32 * MIB, (coding, grown)


def test_a_bomb_of_a_translated_upstream_is_an_error(
    routed: GatewayProcess, other: OpenAiVendor, bombs: dict[str, bytes]
) -> None:
    provide(routed, other, models=["gpt-x"])
    for status in (200, 400):
        for body in (ASK, STREAM):
            asked = body.replace(b"claude-sonnet-5-5", b"gpt-x")
            kind = v.EVENT_STREAM if body is STREAM and status == 200 else v.JSON
            other.say(*[Answer(status, [kind, ("content-encoding", "gzip")], [bombs["gzip"]])] * 4)
            told, slowest, grown = watched(routed, lambda asked=asked: routed.messages(asked))
            assert b'"error"' in told.body and told.status in (200, 400, 502)
            assert slowest < 0.25 and grown < 32 * MIB, (status, slowest, grown)
            routed.clear_accounts()
            other.reset()
            assert routed.admin("POST", "/api/providers/other/clear", {}).status in (200, 404)


def test_usage_that_could_not_be_read_is_estimated(
    gateway: GatewayProcess, vendor: Vendor, bombs: dict[str, bytes]
) -> None:
    token = gateway.issue("bombed")
    vendor.say(Answer(200, [v.JSON, ("content-encoding", "br")], [bombs["br"]]))
    assert gateway.ask("POST", "/v1/messages", [token.bearer], ASK).body == bombs["br"]
    row = gateway.exchanges(token)[0]
    assert row["is_estimated"] and row["input_tokens"] > 0 and row["output_tokens"] > 0


# --- requests

CHAT = b'{"model": "gpt-x",  "messages": [{"role": "user", "content": "hi \xc3\xa9"}]}'
RESPONSE = b'{"model": "gpt-x", "input": "hi", "store": false}'
MESSAGE = b'{"model": "gpt-x", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}'
INVOKE = b'{"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, ' + MESSAGE.partition(b"9, ")[2]
COUNT = json.dumps({"input": {"invokeModel": {"body": base64.b64encode(INVOKE).decode()}}}).encode()
SURFACES = {
    "/v1/messages": MESSAGE,
    "/v1/messages/count_tokens": MESSAGE,
    "/v1/chat/completions": CHAT,
    "/v1/responses": RESPONSE,
    "/model/gpt-x/invoke": INVOKE,
    "/model/gpt-x/count-tokens": COUNT,
    "/v1/projects/p/locations/l/publishers/anthropic/models/gpt-x:rawPredict": INVOKE,
}


def post(gateway: GatewayProcess, path: str, body: bytes, coding: str | None = None) -> Response:
    headers = [gateway.token.bearer, ("content-type", "application/json")]
    return gateway.ask(
        "POST", path, headers if coding is None else [*headers, ("content-encoding", coding)], body
    )


@pytest.mark.parametrize("path", SURFACES)
def test_a_compressed_request_goes_where_it_says(
    routed: GatewayProcess, vendor: Vendor, other: OpenAiVendor, path: str
) -> None:
    provide(routed, other, models=["gpt-x"])
    for coding, make in CODINGS.items():
        plain = post(routed, path, SURFACES[path])
        assert plain.status == 200, plain
        seen = other.seen[-1:]
        coded = post(routed, path, make(SURFACES[path]), coding)
        assert coded.status == 200, coded
        if "count" not in path:
            assert other.last.body == seen[0].body
            assert not other.last.all("content-encoding")
    assert vendor.seen == []


@pytest.mark.parametrize("path", SURFACES)
def test_what_cannot_be_decoded_is_told_in_the_callers_dialect(
    routed: GatewayProcess, vendor: Vendor, other: OpenAiVendor, bombs: dict[str, bytes], path: str
) -> None:
    provide(routed, other, models=["gpt-x"])
    for status, coding, body in (
        (415, "made-up", b"x"),
        (415, "gzip, made-up", b"x"),
        (400, "gzip", b"not gzip"),
        (400, "zstd", zstandard.compress(SURFACES[path])[:-3]),
        *((413, coding, bomb) for coding, bomb in bombs.items()),
    ):
        told, slowest, grown = watched(
            routed, lambda body=body, coding=coding: post(routed, path, body, coding)
        )
        assert told.status == status, (coding, told)
        document = told.json()
        assert "message" in (document if path.startswith("/model") else document["error"])
        assert slowest < 0.25 and grown < 32 * MIB, (coding, slowest, grown)
    assert other.seen == [] and vendor.seen == []


def test_where_one_provider_alone_could_serve_it_passes_untouched(
    gateway: GatewayProcess, vendor: Vendor
) -> None:
    for coding, body in (("zstd", zstandard.compress(ASK)), ("made-up", b"\0anything")):
        vendor.say(v.json_answer({}))
        assert gateway.messages(body, ("content-encoding", coding)).status == 200
        assert vendor.last.body == body
        assert vendor.last.all("content-encoding") == [coding.encode()]


def test_a_forwarded_path_that_one_provider_has(routed: GatewayProcess, other: OpenAiVendor) -> None:
    provide(routed, other, models=["gpt-x"])
    body = zstandard.compress(b'{"model": "gpt-x", "input": "hi"}')
    other.say(Answer(200, [v.JSON], [b"{}"]))
    assert post(routed, "/v1/embeddings", body, "zstd").status == 200
    assert other.last.body == body


# --- broken text

BROKEN = [rb"\ud83d", rb"a \ude00", b"\xff\xfe", b"\xed\xa0\xbd", rb"\u0000"]


@pytest.mark.parametrize("broken", BROKEN)
def test_broken_text_goes_where_it_says(
    routed: GatewayProcess, vendor: Vendor, other: OpenAiVendor, broken: bytes
) -> None:
    """Untouched in its own dialect; over another one half a character is U+FFFD."""
    provide(routed, other, models=["gpt-x"])
    for path, body in SURFACES.items():
        body = body.replace(b'"hi', b'"hi ' + broken)
        if path.endswith("count-tokens"):
            continue
        is_own = path in ("/v1/chat/completions", "/v1/responses")
        if is_own:
            other.say(Answer(200, [v.JSON], [b"{}"]))
        told = post(routed, path, body)
        assert told.status == 200, (path, told)
        if is_own:
            assert other.last.body == body
        elif "count" not in path:
            text = other.last.body.decode()
            assert "\ufffd" in text or "\\u0000" in text
    assert vendor.seen == []


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"[1]",
        b'{"model": "gpt-x", "x": ' + b"[" * 100_000,
        b'{"model": "gpt-x", "messages": NaN}',
        b'"\0"',
    ],
    ids=["cut", "empty", "array", "deep", "nan", "nul"],
)
def test_a_body_that_nobody_can_read_goes_nowhere(
    routed: GatewayProcess, vendor: Vendor, other: OpenAiVendor, body: bytes
) -> None:
    provide(routed, other, models=["gpt-x"])
    for path in SURFACES:
        told = post(routed, path, body)
        assert told.status == 400, (path, told)
    assert other.seen == [] and vendor.seen == []


WILD = [
    b'{"id": "x", "model": "gpt-x", "choices": [{"index": 0, "message": {"content": "%s"}, "finish_reason": "stop"}],'
    b' "usage": {"prompt_tokens": 3, "completion_tokens": 4}}' % broken
    for broken in BROKEN
]
HOPELESS = [
    b"[" * 100_000,
    b"\xff",
    b'{"choices": NaN}',
    b'{"usage": 1e999}',
    b'{"choices": ' + b'{"a":' * 100_000,
]


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions", "/v1/responses"])
def test_broken_answers_never_make_a_500(routed: GatewayProcess, other: OpenAiVendor, path: str) -> None:
    provide(routed, other, models=["gpt-x"], responses="translate")
    token = routed.issue("broken")
    ask = json.loads(SURFACES[path])
    count = 0
    for body in WILD + HOPELESS:
        for stream in (False, True):
            kind = v.EVENT_STREAM if stream else v.JSON
            sent = (
                b"data: " + body.replace(b'"message"', b'"delta"') + b"\n\ndata: [DONE]\n\n"
                if stream
                else body
            )
            other.say(*[Answer(200, [kind], [sent])] * 4)
            headers = [token.bearer, ("content-type", "application/json")]
            told = routed.ask("POST", path, headers, json.dumps({**ask, "stream": stream}).encode())
            count += 1
            assert told.status in (200, 502), (body[:60], told)
            if path == "/v1/chat/completions":
                assert told.status == 200 and told.body.startswith(sent if not stream else sent[:-14])
            elif body in WILD:
                assert told.status == 200, (body, told)
            other.reset()
            routed.admin("POST", "/api/providers/other/clear", {})
    rows = routed.exchanges(token, count)
    assert {row["status"] for row in rows} <= {200, 502}
    assert "Traceback" not in routed.log()


def test_names_that_no_database_takes_are_written_all_the_same(
    gateway: GatewayProcess, vendor: Vendor
) -> None:
    token = gateway.issue("odd names")
    for model in (rb"a\u0000b", rb"\ud83d", b"\xff"):
        asked = ASK.replace(b"claude-sonnet-5-5", model)
        vendor.say(v.json_answer({"model": "x\0y", "usage": {"input_tokens": 10**30, "output_tokens": -3}}))
        assert gateway.ask("POST", "/v1/messages", [token.bearer], asked).status == 200
        assert vendor.last.body == asked
    rows = gateway.exchanges(token, 3)
    assert [row["model_asked"] for row in rows] == ["ab", "\ufffd", "\ufffd"]
    assert {(row["model_served"], row["input_tokens"], row["output_tokens"]) for row in rows} == {
        ("xy", 10**12, 0)
    }


def test_a_whole_stream_of_odd_bytes_passes(gateway: GatewayProcess, vendor: Vendor) -> None:
    sent = b"".join(v.events("m", v.text("hi"))).replace(b"hi", b"\xff\xfe \\ud83d \0")
    vendor.say(v.stream_answer([sent]))
    assert gateway.messages(STREAM).body == sent
