"""An alias replaces the bytes of the top-level `model` value and nothing else."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects import anthropic, openai_chat, openai_responses
from providers.dialects.toplevel import (
    DECISIVE,
    find_model,
    find_nested_model,
    repeated,
    replace_model,
    with_model,
)
from providers.dialects.types import CallFields

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=6) | st.just("model"), inner, max_size=4)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"model":"a"}', b'{"model":"X"}'),
        (b'{ "model" :\n "a" , "b":1}', b'{ "model" :\n "X" , "b":1}'),
        (b'{"x":{"model":"no"},"model":"a"}', b'{"x":{"model":"no"},"model":"X"}'),
        (b'{"x":"\\"model\\":","model":"a"}', b'{"x":"\\"model\\":","model":"X"}'),
        (b'{"x":"model","model":"a"}', b'{"x":"model","model":"X"}'),
        (b'{"mod\\u0065l":"a"}', b'{"mod\\u0065l":"X"}'),
        (b'{"model":"a","model":"b"}', b'{"model":"a","model":"X"}'),
        (b'{"model":null}', b'{"model":null}'),
        (b'["model","a"]', b'["model","a"]'),
        (b"not json", b"not json"),
        (b"", b""),
    ],
)
def test_only_the_value_changes(body: bytes, expected: bytes) -> None:
    assert replace_model(body, "X") == expected


@given(
    st.dictionaries(st.text(max_size=6), JSON, max_size=5), st.text(min_size=1, max_size=12), st.booleans()
)
def test_the_rest_of_any_body_is_kept(rest: dict[str, object], model: str, comes_first: bool) -> None:
    rest.pop("model", None)
    whole = {"model": "asked", **rest} if comes_first else {**rest, "model": "asked"}
    body = json.dumps(whole).encode()
    changed = replace_model(body, model)
    assert json.loads(changed) == {**whole, "model": model}
    span = find_model(body)
    assert span is not None
    assert changed[: span[0]] == body[: span[0]]
    assert changed.endswith(body[span[1] :])


@given(
    st.dictionaries(st.text(max_size=6), st.text(max_size=6) | JSON, max_size=3),
    st.dictionaries(st.text(max_size=6), st.text(max_size=6) | JSON, max_size=3),
    JSON,
)
def test_a_nested_model_is_found_whatever_stands_around(
    outer: dict[str, object], inner: dict[str, object], last: object
) -> None:
    inner.pop("model", None)
    outer.pop("message", None)
    whole = {**outer, "message": {**inner, "model": "asked", "z": last}, "y": last}
    for body in (json.dumps(whole).encode(), json.dumps(whole, ensure_ascii=False, indent=1).encode("utf-8")):
        span = find_nested_model(body, ("message",))
        assert span is not None
        whole["message"] = {**inner, "model": "X", "z": last}
        assert json.loads(body[: span[0]] + b'"X"' + body[span[1] :]) == whole


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"message":"model","model":"a"}', ("message",)),
        (b'{"other":{"model":"a"}}', ("message",)),
        (b'{"message":{"inner":{"model":"a"}}}', ("message",)),
        (b'{"message":{"model":1}}', ("message",)),
        (b'{"message":{"model":"a"}}', ()),
    ],
)
def test_a_model_elsewhere_is_not_the_nested_one(body: bytes, path: tuple[str, ...]) -> None:
    assert find_nested_model(body, path) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", b'{"model":"m"}'),
        (b' { "a" : {"model":"x"} }', b' {"model":"m", "a" : {"model":"x"} }'),
        (b'{"model": "", "a":1}', b'{"model": "m", "a":1}'),
        (b'{"a":1,"model":null}', b'{"a":1,"model":"m"}'),
        (b'{"model":5}', b'{"model":"m"}'),
        (b"[1]", b"[1]"),
        (b"--boundary", b"--boundary"),
        (b"", b""),
    ],
)
def test_a_body_that_names_no_model_gets_one(body: bytes, expected: bytes) -> None:
    assert with_model(body, "m") == expected


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"model":"a","model":"b"}', "model"),
        (b'{"max_tokens":1,"x":{"max_tokens":2},"max_tokens":3}', "max_tokens"),
        (b'{"stream":true,"messages":["}"],"stre\\u0061m":false}', "stream"),
        (b'{"n":1,"n":9}', None),
        (b'{"max_tokens":1,"max_output_tokens":9}', None),
        (b'{"model":"model","x":["model",{"model":1}]}', None),
        (b'{"a":"\\"model\\":","model":"x"}', None),
        (b'{"x":1,"x":2}', None),
        (b"", None),
        (b'{"model":"a"}{"model":"b"}', None),
    ],
)
def test_what_is_given_twice_is_found(body: bytes, name: str | None) -> None:
    assert repeated(body) == name


LONG = json.dumps([{"model": "no", "x": '"model":' * 9, "y": "}]" * 9}] * 30).encode()


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"model":"a","messages":LONG,"model":"b"}', "model"),
        (b'{"stream":true,"messages" : \n LONG , "stre\\u0061m":false}', "stream"),
        (b'{"messages":LONG,"max_tokens":1,"max_tokens":1}', "max_tokens"),
        (b'{"messages":LONG,"model":"a","messages":LONG}', None),
        (b'{"messages":[{"model":1}],"model":"a","messages":LONG}', None),
        (b'{"model":"a","messages":LONG,"x":{"model":LONG}}', None),
        (b'{"model":"a","tools":LONG,"messages":LONG,"model":"a"}', "model"),
        (b'{"x":["messages",LONG,"model"],"messages":LONG,"model":"a"}', None),
    ],
)
@pytest.mark.parametrize("read", [anthropic.read_call, openai_chat.read_call])
def test_long_values_are_not_looked_into(body: bytes, name: str | None, read) -> None:
    body = body.replace(b"LONG", LONG)
    long = read(body).long
    assert {bytes(value) for value in long} == {LONG}
    assert repeated(body, long=long) == repeated(body) == name


@given(
    st.lists(st.tuples(st.sampled_from(["model", "stream", "messages", "tools", "x"]), JSON), max_size=7),
    st.lists(st.sampled_from(["messages", "system", "model"]), max_size=3),
)
def test_with_long_values_it_finds_the_same(pairs: list[tuple[str, object]], long: list[str]) -> None:
    members = [(key, json.dumps(value).encode()) for key, value in pairs] + [(key, LONG) for key in long]
    body = b"{" + b" , ".join(b'"%b": %b' % (key.encode(), value) for key, value in members) + b"}"
    names = [key for key, _ in members if key in DECISIVE]
    twice = next((key for number, key in enumerate(names) if key in names[:number]), None)
    assert repeated(body, long=anthropic.read_call(body).long) == twice


ALIKE = json.dumps([{"text": "same " * 300}, {"text": "other }] " * 30}]).encode()
ALIKE_LONGER = ALIKE[:-1] + b', {"text": "and more"}]'


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["model", "stream", "messages", "tools", "system", "x"]),
            st.sampled_from(
                [LONG, ALIKE, ALIKE_LONGER, b"1", b'"m"', b"[]", ALIKE[:30] + b'"}]', b'{"model":1}']
            ),
        ),
        max_size=8,
    )
)
def test_long_values_that_begin_alike_are_told_apart(members: list[tuple[str, bytes]]) -> None:
    body = b"{" + b",".join(b'"%b":%b' % (key.encode(), value) for key, value in members) + b"}"
    for read in (anthropic.read_call, openai_chat.read_call):
        assert repeated(body, long=read(body).long) == repeated(body)


@pytest.mark.parametrize("read", [openai_chat.read_call, openai_responses.read_call])
def test_of_a_body_that_was_mended_nothing_is_stepped_over(read: Callable[[bytes], CallFields]) -> None:
    broken = LONG.replace(b"no", b"\xff", 1)
    body = b'\xef\xbb\xbf{"model":"a","tools":%b,"model":"b"}' % broken
    fields = read(body)
    assert fields.model == "b" and fields.long == ()
    assert repeated(body, long=fields.long) == "model"


def test_a_body_that_was_changed_since_is_walked_all_the_same() -> None:
    long = anthropic.read_call(b'{"messages":' + LONG + b"}").long
    body = b'{"model":1,"messages":' + LONG.replace(b"no", b"yes") + b',"model":2}'
    assert repeated(body, long=long) == "model"


def test_other_names_may_be_asked_for() -> None:
    assert repeated(b'{"n":1,"n":9}', ("n",)) == "n"
