"""What a tracker says: results, texts, usage, comments, and markup that becomes text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.crater import answer
from providers.crater.task import TaskFailed

TRACKER, WORKER = "https://t.example/tracker", "https://w.example/u"


@pytest.mark.parametrize(
    ("said", "ticket"),
    [
        ({"type": "Accept", "result": " https://t.example/1 "}, "https://t.example/1"),
        ({"result": {"id": "https://t.example/1"}}, "https://t.example/1"),
        ({"type": ["Reject"], "result": "x"}, "x"),
    ],
)
def test_a_result_names_the_ticket(said: dict, ticket: str):
    assert answer.ticket_of(said) == ticket


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"type": "Reject", "result": "x"}, "ForgeFed inbox rejected the Offer"),
        ({"type": "Accept"}, "ForgeFed Accept response missing result"),
        ({"type": "Accept", "result": None}, "ForgeFed Accept.result must be a URI or object with id"),
        ({"result": {"id": ""}}, "ForgeFed Accept.result object missing id"),
        ({"result": {"id": 5}}, "ForgeFed Accept.result object missing id"),
        ({"result": ""}, "ForgeFed Accept.result must be a URI or object with id"),
        ({"result": ["x"]}, "ForgeFed Accept.result must be a URI or object with id"),
    ],
)
def test_other_results_are_told_in_the_references_words(said: dict, words: str):
    with pytest.raises(TaskFailed) as told:
        answer.ticket_of(said)
    assert (told.value.status, told.value.message) == (502, words)


def test_a_body_that_says_nothing_of_it_is_no_answer_yet():
    assert all(map(answer.answers_at_once, ({"type": "Accept"}, {"type": "Reject"}, {"result": 1})))
    assert not any(map(answer.answers_at_once, (None, [], "x", {}, {"ok": True}, {"type": "Note"})))


@pytest.mark.parametrize(
    ("ticket", "text"),
    [
        ({"result": {"content": "a", "output_text": "b"}, "output_text": "c"}, "a"),
        ({"result": {"content": "  ", "output_text": "b"}}, "b"),
        ({"result": "x", "output_text": " c "}, " c "),
        ({"result": {"content": 5}, "output_text": None}, ""),
        ({"content": "the question", "summary": "s", "name": "n"}, ""),
        ({"choices": [{"message": {"content": "x"}}]}, ""),
    ],
)
def test_a_text_is_taken_where_answers_stand_and_never_the_question(ticket: dict, text: str):
    assert answer.direct_text(ticket) == text


@pytest.mark.parametrize(
    ("usage", "told"),
    [
        ({"total_tokens": 3}, {"total_tokens": 3}),
        ({"total_tokens": 3.5}, answer.ZEROS),
        ({"a": True}, answer.ZEROS),
        ({"a": {"b": 1}}, answer.ZEROS),
        ({}, answer.ZEROS),
        (None, answer.ZEROS),
        ("3", answer.ZEROS),
    ],
)
def test_usage_is_copied_when_it_is_of_whole_numbers(usage: object, told: dict):
    assert answer.usage_of({"usage": usage}) == told


def test_who_has_resolved_a_ticket():
    assert answer.resolvers({"context": TRACKER, "resolvedBy": WORKER}) == {TRACKER, WORKER}
    activity = {"type": "Resolve", "id": "https://t.example/r/1", "actor": WORKER}
    assert WORKER in answer.resolvers({"resolvedBy": [activity]})
    assert answer.resolvers({}) == set()


def note(text: str, by: str = TRACKER, **more: object) -> dict:
    return {"type": "Note", "attributedTo": by, "content": text, **more}


def test_the_newest_comment_of_those_who_may_answer():
    notes = [
        note("stranger", "https://x.example/", published="2026-12-01"),
        note("newest", WORKER, published="2026-11-02"),
        note("older", published="2026-11-01"),
        note("without a time"),
    ]
    assert answer.comment_text(notes, [TRACKER, WORKER], "q") == "newest"
    assert answer.comment_text(notes, [TRACKER], "q") == "older"
    assert answer.comment_text(notes[:1], [TRACKER], "q") == ""
    assert answer.comment_text([note("q "), note("a")], [TRACKER], "q") == "a"
    assert answer.comment_text([note("first"), note("second")], [TRACKER], "q") == "first"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"mediaType": "text/plain", "content": "a < b"}, "a < b"),
        ({"mediaType": "text/markdown", "content": "*a*"}, "*a*"),
        ({"mediaType": "text/html", "content": "<p>no</p>"}, "markup"),
        ({"mediaType": "text/plain", "content": "  "}, "markup"),
        ("x", "markup"),
    ],
)
def test_a_notes_source_goes_before_its_markup(source: object, text: str):
    assert answer.note_text(note("<p>markup</p>", source=source)) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>one</p><p>two &amp; &lt;three&gt; &#233;</p>", "one\ntwo & <three> é"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<ul><li>x</li><li>y</li></ul>", "x\ny"),
        ("<script>alert(1)</script><style>p{}</style>ok", "ok"),
        ("plain", "plain"),
        ("<img src=x onerror=alert(1)>", ""),
        ("1 < 2", "1 < 2"),
        ("", ""),
    ],
)
def test_markup_becomes_text(markup: str, text: str):
    assert answer.plain_text(markup) == text


@given(st.text())
def test_any_text_is_read_without_failing(markup: str):
    assert isinstance(answer.plain_text(markup), str)
