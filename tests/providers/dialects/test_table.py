from __future__ import annotations

import json

import pytest

from providers.dialects.table import DIALECTS, is_openai_client, of_caller
from providers.dialects.types import Failure, FailureKind, Headers

NAMES = sorted(DIALECTS)


@pytest.mark.parametrize("name", NAMES)
def test_every_dialect_reads_calls_and_tells_errors(name: str) -> None:
    dialect = DIALECTS[name]
    fields = dialect.read_call(b'{"model":"m","stream":true}')
    assert (fields.model, fields.stream, fields.is_readable) == ("m", True, True)
    assert not dialect.read_call(b"[").is_readable
    body = dialect.error_body(Failure(FailureKind.RATE_LIMIT, "slow"), "req_1")
    assert "slow" in json.dumps(json.loads(body))
    assert dialect.read_error(429, (), body).kind is FailureKind.RATE_LIMIT


def test_the_envelopes_are_made_anew_for_each_exchange() -> None:
    made = [name for name in NAMES if DIALECTS[name].envelope is not None]
    assert made == ["bedrock", "vertex"]
    for name in made:
        envelope = DIALECTS[name].envelope
        assert envelope is not None
        assert envelope() is not envelope()


def test_a_chat_call_may_ask_for_a_stream_in_its_query() -> None:
    asks = DIALECTS["openai_chat"].asks_for_stream
    assert asks is not None and asks(b"stream=true") and not asks(b"")
    assert DIALECTS["openai_responses"].asks_for_stream is None
    fields = DIALECTS["openai_chat"].read_call(b'{"model": "m", "stream": false}')
    assert not fields.stream and fields.streamed().stream


@pytest.mark.parametrize(
    ("headers", "dialect"),
    [
        (((b"authorization", b"Bearer x"),), "openai_chat"),
        (((b"x-api-key", b"x"),), "anthropic"),
        (((b"authorization", b"Bearer x"), (b"anthropic-version", b"2023-06-01")), "anthropic"),
        ((), "openai_chat"),
    ],
)
def test_the_caller_decides_where_the_path_does_not(
    headers: tuple[tuple[bytes, bytes], ...], dialect: str
) -> None:
    assert of_caller(headers) == dialect


@pytest.mark.parametrize(
    ("headers", "is_openai"),
    [
        (((b"user-agent", b"OpenAI/Python 3.57.0"),), True),
        (((b"user-agent", b"codex_cli_rs/0.171.0 (Linux)"),), True),
        (((b"openai-project", b"p"),), True),
        (((b"user-agent", b"Anthropic/Python 2.14"),), False),
        (((b"user-agent", b"codex/1"), (b"anthropic-version", b"2023-06-01")), False),
        (((b"user-agent", b"curl/8"),), False),
        ((), False),
    ],
)
def test_clients_of_openai_s_are_known(headers: Headers, is_openai: bool) -> None:
    assert is_openai_client(headers) is is_openai
