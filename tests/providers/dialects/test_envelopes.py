from __future__ import annotations

import json

import pytest

from providers.dialects import envelopes
from providers.dialects.types import Refused


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1%3A0", "claude-sonnet-4-5-20250929"),
        ("us-gov.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5-20251001"),
        ("global.anthropic.claude-opus-4-6", "claude-opus-4-6"),
        ("anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        (
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Feu.anthropic.claude-opus-5-v1%3A0",
            "claude-opus-5",
        ),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc123", "abc123"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5-20250929"),
        ("claude-opus-5@default", "claude-opus-5"),
        ("claude-sonnet-4-6[1m]", "claude-sonnet-4-6"),
        ("my-alias-v2", "my-alias-v2"),
        ("us.something", "us.something"),
    ],
)
def test_model_ids_of_the_clouds(name: str, expected: str) -> None:
    assert envelopes.anthropic_model(name) == expected


def test_values_stay_byte_for_byte() -> None:
    body = b'{ "a" : 1.0, "messages":[ {"x":123456789012345678901234567890} ],"b\\u00e9":"\\u00e9" }'
    fields = envelopes.read_object(body)
    written = envelopes.write_object(fields)
    assert json.loads(written) == json.loads(body)
    assert b'[ {"x":123456789012345678901234567890} ]' in written
    assert b'"\\u00e9"' in written


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b'{"a"', b"{" * 100_000])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        envelopes.read_object(body)


def test_betas_join_those_of_the_headers() -> None:
    headers = ((b"anthropic-beta", b"one, two"), (b"x-amzn-bedrock-trace", b"ENABLED"), (b"user-agent", b"u"))
    assert envelopes.lifted_headers(headers, b"2026-10-21", ["two", "three"]) == (
        (b"anthropic-beta", b"one, two"),
        (b"x-amzn-bedrock-trace", b"ENABLED"),
        (b"user-agent", b"u"),
        (b"anthropic-version", b"2026-10-21"),
        (b"anthropic-beta", b"three"),
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [('["a","b"]', ["a", "b"]), ('"a, b"', ["a", "b"]), ("null", []), ("[]", []), ('[" "]', [])],
)
def test_forms_of_betas(value: str, expected: list[str]) -> None:
    fields = envelopes.read_object(b'{"anthropic_beta":%b}' % value.encode())
    assert envelopes.lift_betas(fields) == expected
    assert fields == {}


def test_betas_of_another_type_are_refused() -> None:
    with pytest.raises(Refused) as refused:
        envelopes.lift_betas(envelopes.read_object(b'{"anthropic_beta":[1]}'))
    assert refused.value.failure.param == "anthropic_beta"


@pytest.mark.parametrize("value", [rb'"a\r\nx: y"', b'["a","b\\u0000"]', '"é"'.encode(), b'"\xff"'])
def test_what_no_header_can_hold_is_refused(value: bytes) -> None:
    body = b'{"anthropic_beta":%b,"anthropic_version":"x\\ny"}' % value
    for lift in (envelopes.lift_betas, envelopes.lift_version):
        with pytest.raises(Refused):
            lift(envelopes.read_object(body))


@pytest.mark.parametrize("value", [b"1e400", b'"\xff"', rb'"\ud83d"', b"9" * 5000])
def test_broken_members_are_read_as_far_as_can_be(value: bytes) -> None:
    fields = envelopes.read_object(b'{"model":%b}' % value)
    assert envelopes.text_of(fields["model"]) in (None, "\ufffd")
