"""The words of an error in every shape that servers give it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.error_shapes import error_event, error_in, event_error, plain_words
from providers.dialects.openai_errors import read_failure

SHAPES: list[tuple[Any, str]] = [
    ({"error": {"message": "bad", "type": "t"}}, "bad"),
    ([{"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}}], "bad"),
    ({"error": "bad"}, "bad"),
    ({"error": {"error": {"message": "bad"}}}, "bad"),
    ({"detail": "bad"}, "bad"),
    ({"detail": {"error": {"message": "bad"}}}, "bad"),
    ({"detail": [{"loc": ["body", "messages", 0], "msg": "missing"}]}, "body.messages.0: missing"),
    ({"errors": ["one", "two"]}, "one; two"),
    ({"errors": [{"message": "one"}, {"message": "two"}]}, "one; two"),
    ({"success": False, "errors": [{"code": 7003, "message": "bad"}], "result": None}, "bad"),
    ({"error_msg": "bad", "error_code": 110}, "bad"),
    ({"errmsg": "bad"}, "bad"),
    ({"object": "error", "message": "bad", "type": "BadRequestError", "code": 400}, "bad"),
    ({"code": "InvalidParameter", "message": "bad", "request_id": "r"}, "bad"),
    ({"error": True, "message": "bad"}, "bad"),
    ({"message": "bad"}, "bad"),
    ({"msg": "bad", "code": 1}, "bad"),
    ({"error": {"message": {"detail": "bad"}}}, "bad"),
    ({"error": {"type": "t", "reason": "bad"}}, "bad"),
    ({"error": {"message": "Provider returned error", "metadata": {"raw": '{"error":{"message":"bad"}}'}}}, "bad"),
    ({"detail": '{"error": {"message": "bad"}}'}, "bad"),
    ("bad", "bad"),
    ({"fault": {"faultstring": "bad", "detail": {"errorcode": "x"}}}, "bad"),
    ({"Error": {"Message": "bad", "Code": "x"}}, "bad"),
    ({"errors": {"messages": ["one", "two"]}}, "one; two"),
    ({"base_resp": {"status_code": 2013, "status_msg": "bad"}}, "bad"),
    ({"error": {"code": "x", "message": {"content": "bad"}}}, "bad"),
    ({"exception": "bad"}, "bad"),
    ({"result": {"error": "bad"}}, "bad"),
    ({"errors": {"model": ["bad"], "x": ["one", "two"]}}, "model: bad; x: one; two"),
    ({"error": {"code": "x", "innererror": {"message": "bad"}}}, "bad"),
    ({"error": {"message": {"text": "bad"}}}, "bad"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "words"), SHAPES)
@pytest.mark.parametrize("status", [400, 429, 500])
def test_words(document: Any, words: str, status: int) -> None:
    assert read_failure(status, (), json.dumps(document).encode()).message == words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"no such thing\n", "no such thing"),
        (b"<html><head><title>502 Bad Gateway</title></head></html>", "502 Bad Gateway"),
        (b"<?xml version='1.0'?><Error><Code>A</Code><Message>bad</Message></Error>", "bad"),
        (b"<soap:Fault><faultstring>bad</faultstring></soap:Fault>", "bad"),
        (b"<html></html>", "The upstream answered 502"),
        (b"", "The upstream answered 502"),
        (b"{}", "The upstream answered 502"),
        (b"null", "The upstream answered 502"),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_what_is_no_json(body: bytes, words: str) -> None:
    assert read_failure(502, (), body).message == words


def test_plain_words_are_bounded() -> None:
    assert len(plain_words(b"x" * 100_000)) == 500


def test_no_error_in_a_good_answer() -> None:
    assert error_in({"id": "c", "choices": [], "usage": None}) is None
    assert error_in(None) is None and error_in(3) is None


def test_endless_nesting_ends() -> None:
    deep: Any = "x"
    for _ in range(100):
        deep = {"detail": [deep]}
    assert error_in(deep) is None


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'{"message":"bad"}', b'{"error":{"message":"bad"}}'),
        (b'{"error":"bad"}', None),
        (b'{"type":"error","message":"bad"}', None),
        (b'{"choices":[]}', None),
        (b"plain words", None),
        (b"[1]", None),
    ],
)
def test_an_event_whose_name_alone_tells(data: bytes, told: bytes | None) -> None:
    assert error_event(data) == (told or data)


@pytest.mark.parametrize(
    ("chunk", "is_error"),
    [
        ({"base_resp": {"status_code": 0, "status_msg": ""}}, False),
        ({"base_resp": {"status_code": 1008, "status_msg": "bad"}}, True),
        ({"base_resp": None}, False),
    ],
)
def test_what_stands_in_every_chunk_is_no_error(chunk: Any, is_error: bool) -> None:
    assert bool(event_error(chunk)) is is_error
