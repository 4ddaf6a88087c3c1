"""Kept texts: without secrets, cut, streams put together."""

from __future__ import annotations

import json

from gateway.usage.requestlog.texts import merged, shown

KEY = "sk-ant-api03-abcdefghijklmnop"


def events(*data: object) -> bytes:
    return b"".join(b"event: x\ndata: %s\n\n" % json.dumps(each).encode() for each in data)


def test_secrets_are_taken_out() -> None:
    text = json.dumps(
        {"content": f"my key is {KEY}", "authorization": "Bearer abcdefgh12345678", "u": "http://a:b@c/"}
    )
    told, is_cut = shown(text.encode(), len(text), 1000)
    assert KEY[10:] not in told and "abcdefgh12345678" not in told and "a:b@" not in told
    assert "[redacted]" in told and "my key is" in told and not is_cut


def test_texts_are_cut_and_a_secret_at_the_cut_is_none() -> None:
    text = b"x" * 90 + KEY.encode()
    told, is_cut = shown(text, len(text), 100)
    assert is_cut and len(told) == 100 and "sk-ant-api03" not in told
    assert shown(b"whole", 5, 5) == ("whole", False) and shown(b"whole", 9, 5) == ("whole", True)
    assert shown("é".encode()[:1] * 1, 2, 9)[1]


def test_what_is_no_text_is_not_kept() -> None:
    assert shown(b"\x00\x01" * 50, 100, 1000) == ("(100 bytes that are no text)", True)
    assert shown(bytes(range(128, 256)), 128, 1000)[0] == "(128 bytes that are no text)"
    assert shown(b"", 0, 1000) == ("", False)


def test_a_secret_in_pieces_of_a_stream_is_one() -> None:
    pieces = [KEY[at : at + 5] for at in range(0, len(KEY), 5)]
    messages = events(
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "name": "look"}},
        *(
            {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": one}}
            for one in pieces
        ),
    )
    chat = events(
        *({"choices": [{"index": 0, "delta": {"role": "assistant", "content": one}}]} for one in pieces)
    )
    responses = events(
        *({"type": "response.output_text.delta", "output_index": 0, "delta": one} for one in pieces)
    )
    for stream in (messages, chat, responses):
        assert KEY in merged(stream.decode()), stream
        told, _ = shown(stream, len(stream), 10_000)
        assert "[redacted]" in told and KEY[12:] not in told
    assert "[tool_use 0]\nlook" in merged(messages.decode())


def test_errors_and_tool_calls_of_streams_are_told() -> None:
    call = {"index": 0, "function": {"name": "look", "arguments": '{"a":'}}
    stream = events(
        {"choices": [{"delta": {"tool_calls": [call]}}]}, {"type": "error", "error": {"message": "busy"}}
    )
    assert merged(stream.decode()) == (
        '[tool call 0.0 name]\nlook\n\n[tool call 0.0 arguments]\n{"a":\n\n[error]\n{"message": "busy"}'
    )


def test_odd_streams_stay_as_they_are() -> None:
    for text in (
        "data: [DONE]\n\n",
        "data: {\n\n",
        'data: {"choices": [3, {"delta": 4}], "delta": {}}\n\n',
        "plain",
    ):
        assert merged(text) == text
