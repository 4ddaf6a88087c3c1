"""What clouds refuse is taken out, and answers name the model that was asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.clouds.envelope import CloudEnvelope
from providers.dialects.anthropic import read_call
from providers.dialects.types import Call, Headers, Refused, Target, Translator, WireAnswer
from providers.translation.pairs.passthrough import Passthrough
from tests.fakes.vendor import events, message, text

JSON: Headers = ((b"content-type", b"application/json"),)
STREAM: Headers = ((b"content-type", b"text/event-stream"),)


def call(headers: Headers = (), **body: Any) -> Call:
    raw = json.dumps({"model": "asked", "messages": [], **body}).encode()
    return Call("messages", "POST", b"/v1/messages", b"", headers, raw, read_call(raw))


def wrapped(*, takes_tags: bool = False) -> Translator:
    return CloudEnvelope(takes_tags=takes_tags).wrap(Passthrough())


def test_the_id_there_takes_the_place_of_the_name() -> None:
    request = wrapped().request(call(), Target("named", id="there"))
    assert json.loads(request.body)["model"] == "there"
    assert (b"accept-encoding", b"identity") in request.headers


@pytest.mark.parametrize("takes_tags", [True, False])
def test_tags_and_their_beta_go_where_nobody_knows_them(takes_tags: bool) -> None:
    headers: Headers = ((b"anthropic-beta", b"oauth-2025-04-20,request-tags-2026-08-21,x"),)
    request = wrapped(takes_tags=takes_tags).request(call(headers, tags={"a": "b"}), Target("m"))
    assert ("tags" in json.loads(request.body)) is takes_tags
    betas = dict(request.headers)[b"anthropic-beta"]
    assert betas == (b"request-tags-2026-08-21,x" if takes_tags else b"x")


def test_no_betas_no_header() -> None:
    request = wrapped().request(call(((b"anthropic-beta", b"oauth-2025-04-20"),)), Target("m"))
    assert b"anthropic-beta" not in dict(request.headers)


def test_a_thread_is_refused_and_a_word_of_that_name_is_not() -> None:
    with pytest.raises(Refused) as told:
        wrapped().request(call(thread={"id": "t"}), Target("m"))
    assert told.value.failure.param == "thread"
    assert wrapped().request(call(metadata={"thread": 1}), Target("m"))


def test_a_member_with_an_escaped_name_is_known_too() -> None:
    for raw in (
        b'{"model":"a","messages":[],"thr\\u0065ad":{}}',
        b'{"model":"a","max_tokens":"x","thread":{}}',
    ):
        asked = Call("messages", "POST", b"/v1/messages", b"", (), raw, read_call(raw))
        with pytest.raises(Refused):
            wrapped().request(asked, Target("a"))
    raw = b'{"model":"a","t\\u0061gs":{},"messages":[]}'
    asked = Call("messages", "POST", b"/v1/messages", b"", (), raw, read_call(raw))
    assert json.loads(wrapped().request(asked, Target("a")).body) == {"model": "a", "messages": []}


def test_answers_name_the_asked_model_even_where_the_same_name_was_sent() -> None:
    translator = wrapped()
    translator.request(call(), Target("asked"))
    translator.response(WireAnswer(200, JSON))
    out = translator.feed(json.dumps(message("cloud-name", text("hi"))).encode()) + translator.finish()
    assert json.loads(out)["model"] == "asked" and translator.model == "cloud-name"


def test_a_stream_names_the_asked_model_however_it_is_split() -> None:
    raw = b"".join(events("cloud-name", text("hi")))
    translator = wrapped()
    translator.request(call(stream=True), Target("asked"))
    translator.response(WireAnswer(200, STREAM))
    out = b"".join(translator.feed(raw[at : at + 3]) for at in range(0, len(raw), 3)) + translator.finish()
    assert b"cloud-name" not in out and b'"model":"asked"' in out.replace(b'": "', b'":"')
