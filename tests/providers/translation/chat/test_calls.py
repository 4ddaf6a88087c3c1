"""Tool calls as servers send them, put together: ids, names and indices that are missing, wrong or shared."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.translation.chat.reader import ChatReader
from providers.translation.common.arguments import plain_arguments
from providers.translation.common.parts import PartList, ReaderContext, Sequencer
from tests.providers.translation.openai_exchanges import counting_ids

Json = dict[str, Any]
ONE, TWO = '{"a": 1}', '{"b": {"c": "}{"}}'


def fragment(name: str | None, arguments: Any, index: Any = 0, **fields: Any) -> Json:
    function = {"arguments": arguments} | ({} if name is None else {"name": name})
    return {"index": index, "function": function, **fields}


def read(chunks: list[list[Json]], *, is_whole: bool = False) -> list[tuple[str, str]]:
    """Return (name, arguments) of the calls that come of chunks, each a list of entries."""
    parts = PartList()
    context = ReaderContext(lambda plain: "", counting_ids(), lambda: 0)
    reader = ChatReader(Sequencer(parts), context)
    if is_whole:
        message = {"tool_calls": [entry for chunk in chunks for entry in chunk]}
        body = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
        reader.whole(json.dumps(body).encode())
    else:
        for chunk in chunks:
            delta = {"tool_calls": chunk}
            reader.event(json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode())
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
        reader.event(json.dumps(end).encode())
    assert reader.failure is None and len({part.id for part in parts.parts}) == len(parts.parts)
    return [(part.name, part.text) for part in parts.parts]


SHARED: dict[str, list[list[Json]]] = {
    "no ids, one chunk": [[fragment("f", ONE), fragment("g", TWO)]],
    "no ids, two chunks": [[fragment("f", ONE)], [fragment("g", TWO)]],
    "empty ids": [[fragment("f", ONE, id="")], [fragment("g", TWO, id="")]],
    "null ids": [[fragment("f", ONE, id=None)], [fragment("g", TWO, id=None)]],
    "equal ids": [[fragment("f", ONE, id="x"), fragment("g", TWO, id="x")]],
    "other ids": [[fragment("f", ONE, id="x"), fragment("g", TWO, id="y")]],
    "in pieces": [
        [fragment("f", "")], [fragment(None, ONE[:3])], [fragment(None, ONE[3:])],
        [fragment("g", "")], [fragment(None, TWO[:9])], [fragment(None, TWO[9:])],
    ],
    "the name in every piece": [
        [fragment("f", ONE[:3])], [fragment("f", ONE[3:])], [fragment("g", TWO[:3])], [fragment("g", TWO[3:])],
    ],
    "text indices": [[fragment("f", ONE, "0")], [fragment("g", TWO, "1")]],
    "null indices": [[fragment("f", ONE, None, id="x")], [fragment("g", TWO, None, id="y")]],
    "objects": [[fragment("f", json.loads(ONE))], [fragment("g", json.loads(TWO))]],
    "proper": [[fragment("f", ONE, 0, id="x")], [fragment("g", TWO, 1, id="y")]],
}  # fmt: skip


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize("is_whole", [False, True])
def test_two_calls_stay_two(name: str, is_whole: bool) -> None:
    if is_whole and name in ("in pieces", "the name in every piece"):
        return  # a whole answer has no pieces
    told = read(SHARED[name], is_whole=is_whole)
    assert [each[0] for each in told] == ["f", "g"]
    assert [json.loads(each[1]) for each in told] == [json.loads(ONE), json.loads(TWO)]


NAMELESS: dict[str, list[list[Json]]] = {
    "one chunk": [[fragment("f", ONE), fragment(None, TWO)]],
    "two chunks": [[fragment("f", ONE)], [fragment(None, TWO)]],
    "with ids": [[fragment("f", ONE, id="x"), fragment(None, TWO, id="y")]],
    "an empty name": [[fragment("f", ONE), fragment("", TWO)]],
    "in one text": [[fragment("f", ONE + TWO)]],
    "in one text with a blank": [[fragment("f", ONE + "\n" + TWO)]],
    "in one text, cut": [[fragment("f", ONE[:4])], [fragment(None, ONE[4:] + TWO[:6])], [fragment(None, TWO[6:])]],
    "the second in pieces": [[fragment("f", ONE)], [fragment(None, TWO[:4])], [fragment(None, TWO[4:])]],
}  # fmt: skip


@pytest.mark.parametrize("name", NAMELESS)
def test_a_second_call_without_a_name_has_the_first_s(name: str) -> None:
    told = read(NAMELESS[name])
    assert [each[0] for each in told] == ["f", "f"]
    assert [json.loads(each[1]) for each in told] == [json.loads(ONE), json.loads(TWO)]


def test_calls_without_arguments_by_their_names() -> None:
    assert [each[0] for each in read([[fragment("f", "")], [fragment("g", "")]])] == ["f", "g"]


@pytest.mark.parametrize("cut", range(1, len(TWO)))
def test_one_call_stays_one_however_it_is_cut(cut: int) -> None:
    assert read([[fragment("f", TWO[:cut], id="x")], [fragment(None, TWO[cut:])]]) == [("f", TWO)]


ODD: list[tuple[Any, Json]] = [
    ("null", {}),
    ("[]", {}),
    ("[null]", {}),
    ("undefined", {}),
    (" None", {}),
    ('"none"', {}),
    ("false", {}),
    ('""', {}),
    ("", {}),
    ("  ", {}),
    (None, {}),
    ([], {}),
    ('"{}"', {}),
    (json.dumps(ONE), {"a": 1}),
    (json.dumps(json.dumps(ONE)), {"a": 1}),
    ('[{"a": 1}]', {"a": 1}),
    (' {"a": 1}', {"a": 1}),
    ({"a": 1}, {"a": 1}),
]


@pytest.mark.parametrize(("arguments", "expected"), ODD)
@pytest.mark.parametrize("is_whole", [False, True])
def test_arguments_that_are_no_object(arguments: Any, expected: Json, is_whole: bool) -> None:
    told = read([[fragment("f", arguments)]], is_whole=is_whole)
    assert len(told) == 1 and json.loads(told[0][1] or "{}") == expected


@pytest.mark.parametrize("text", ['"{\\"a\\": 1}"', "null", '""', "[]"])
def test_odd_arguments_in_pieces(text: str) -> None:
    for cut in range(1, len(text)):
        told = read([[fragment("f", text[:cut])], [fragment(None, text[cut:])]])
        assert json.loads(told[0][1]) == ({"a": 1} if "a" in text else {})


@pytest.mark.parametrize("text", ["3", "true", '["a"]', "{broken", '"words"', '{"a": 1} and more'])
def test_what_means_no_object_stays_as_it_is(text: str) -> None:
    assert plain_arguments(text) == text


LOOSE: list[Json] = [
    {"choices": [{"index": None, "delta": {"content": "x"}}]},
    {"choices": [{"index": "0", "delta": {"content": "x"}}]},
    {"choices": [{"delta": {"content": "x", "tool_calls": {}}}]},
    {"choices": [{"delta": {"content": "x", "tool_calls": None, "function_call": "no"}}]},
    {"choices": [{"delta": {"content": "x", "tool_calls": [None, 3]}}]},
    {"choices": {"index": 0, "delta": {"content": "x"}}},
    {"choices": {"0": {"index": 0, "delta": {"content": "x"}}}},
    {"id": 7, "choices": [{"index": 0, "delta": {"content": "x"}, "logprobs": "odd"}, "odd", None]},
]


@pytest.mark.parametrize("chunk", LOOSE)
@pytest.mark.parametrize(
    "odd", [None, 3, "words of no meaning to anybody", [], {"choices": None}, {"choices": "no"}]
)
def test_one_odd_field_spoils_no_stream(chunk: Json, odd: Any) -> None:
    parts = PartList()
    reader = ChatReader(Sequencer(parts), ReaderContext(lambda plain: "", counting_ids(), lambda: 0))
    for each in (odd if not isinstance(odd, str) else {"choices": [{"delta": odd}]}, chunk):
        reader.event(json.dumps(each).encode())
    reader.event(b'{"choices": [{"index": null, "delta": null, "finish_reason": "stop"}]}')
    assert reader.failure is None and [part.text for part in parts.parts] == ["x"] and reader.can_end()


@pytest.mark.parametrize(
    "chunk",
    [
        {"object": "error", "message": "boom", "code": 500},
        {"error": {"message": "boom"}},
        {"error": "boom"},
        [{"error": {"message": "boom"}}],
        {"detail": "boom"},
        {"errors": [{"message": "boom"}]},
        {"error_msg": "boom", "error_code": 1},
        {"error": {"error": {"message": "boom"}}, "choices": []},
    ],
)
def test_an_error_in_mid_stream_in_any_shape(chunk: Any) -> None:
    reader = ChatReader(Sequencer(PartList()), ReaderContext(lambda plain: "", counting_ids(), lambda: 0))
    reader.event(json.dumps(chunk).encode())
    assert reader.failure is not None and reader.failure.message == "boom"
