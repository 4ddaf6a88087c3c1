"""Requests as the Rust router reads them into tickets, and the Offer that leaves."""

from __future__ import annotations

import json

import orjson
import pytest

from providers.crater.task import Task, TaskFailed, offer, read_task

OWN, ACTOR, TARGET = (
    "https://r.example/activities/offer-1",
    "https://r.example/actor/code",
    "https://t.example/inbox",
)


def task(messages: object, **more: object) -> Task:
    return read_task(orjson.dumps({"model": "m", "messages": messages, **more}))


def test_every_form_of_a_message():
    read = task(
        [
            {"role": "system", "content": " sys "},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": " p1 "},
                    {"type": "x", "content": "p2"},
                    {"type": "text", "text": "  "},
                    {"type": "image_url", "image_url": {"url": "u"}},
                    "bare",
                ],
            },
            {"role": "assistant", "content": None},
            {"content": "norole"},
            {"role": "tool"},
            {"role": "user", "content": {"b": 1, "a": [2.0]}},
            {"role": "user", "content": 5},
            {"role": "user", "content": ""},
            {"role": 5, "content": "numrole"},
            "notobj",
            {"role": "user", "content": []},
        ]
    )
    assert read.content == (
        'system: sys\nuser: p1\np2\nassistant: null\nuser: norole\nuser: {"a":[2.0],"b":1}\nuser: 5\nuser: numrole'
    )
    assert read.title == "p1"


@pytest.mark.parametrize(
    ("messages", "title"),
    [
        ([], "OpenAI chat request"),
        ([{"role": "system", "content": "sys line\nx"}], "OpenAI chat request"),
        (
            [{"role": "assistant", "content": "a"}, {"role": "user", "content": "\n  first\r\nsecond"}],
            "first",
        ),
        ([{"role": "user", "content": "  "}, {"role": "user", "content": "second"}], "second"),
        ([{"role": "user", "content": None}], "null"),
        ([{"role": "User", "content": "hello"}], "OpenAI chat request"),
    ],
)
def test_the_title_is_the_first_line_that_a_user_says(messages: list, title: str):
    assert task(messages).title == title


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        (
            {"title": " T ", "assignee": " https://a.example/b ", "attributedTo": " u "},
            ("T", "https://a.example/b", "u"),
        ),
        ({"title": "  ", "assignee": "  ", "attributed_to": "u2", "attributedTo": "  "}, ("a", "", "")),
        ({"title": 5, "assignee": [], "attributedTo": 1}, ("a", "", "")),
        ({"attributedTo": 1, "attributed_to": "u3"}, ("a", "", "")),
        ({"attributed_to": "u4"}, ("a", "", "u4")),
        ("x", ("a", "", "")),
        (None, ("a", "", "")),
    ],
)
def test_metadata_names_title_assignee_and_author(metadata: object, told: tuple[str, str, str]):
    read = task([{"role": "user", "content": "a"}], metadata=metadata)
    assert (read.title, read.assignee, read.attributed_to) == told


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{}", "model is required"),
        (b'{"model":"","messages":[]}', "model is required"),
        (b'{"model":"  ","messages":[]}', "model is required"),
        (b'{"model":5,"messages":[]}', "model is required"),
        (b'{"messages":[]}', "model is required"),
        (b"[1]", "model is required"),
        (b'"x"', "model is required"),
        (b"null", "model is required"),
        (b"{", "model is required"),
        (b'{"model":"m"}', "messages array is required"),
        (b'{"model":"m","messages":"x"}', "messages array is required"),
        (b'{"model":"m","messages":null}', "messages array is required"),
    ],
)
def test_what_is_no_request_is_refused_in_the_references_words(body: bytes, words: str):
    with pytest.raises(TaskFailed) as told:
        read_task(body)
    assert (told.value.status, told.value.message) == (400, words)


def test_a_stream_is_one_that_says_true():
    assert task([], stream=True).is_stream
    for other in (False, "true", 1, None):
        assert not task([], stream=other).is_stream


def test_the_offer_has_the_references_shape_sorted_and_compact():
    sent = offer(Task(" m ", "Fix it", "user: Fix it\nnow"), OWN, ACTOR, TARGET)
    assert sent.decode() == (
        '{"@context":["https://www.w3.org/ns/activitystreams","https://forgefed.org/ns"],'
        '"actor":"https://r.example/actor/code","id":"https://r.example/activities/offer-1",'
        '"object":{"attributedTo":"https://r.example/actor/code","content":"user: Fix it\\nnow",'
        '"context":"https://t.example/inbox","mediaType":"text/plain","model":" m ",'
        '"source":{"content":"user: Fix it\\nnow","mediaType":"text/plain"},"summary":"Fix it","type":"Ticket"},'
        '"target":"https://t.example/inbox","to":["https://t.example/inbox"],"type":"Offer"}'
    )
    named = json.loads(offer(Task("m", "t", "c", "https://a.example/b", f"{ACTOR}/x"), OWN, ACTOR, TARGET))[
        "object"
    ]
    assert (named["assignee"], named["attributedTo"]) == ("https://a.example/b", f"{ACTOR}/x")
