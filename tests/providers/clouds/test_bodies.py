"""Calls in the clouds' forms."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.clouds.bodies import betas_of, invoke, raw_predict
from providers.dialects.anthropic import read_call
from providers.dialects.types import Headers, Refused, WireRequest

BETAS: Headers = (
    (b"anthropic-beta", b"a, b"),
    (b"anthropic-beta", b"b,c"),
    (b"anthropic-version", b"2023-06-01"),
)


def request(path: bytes = b"/v1/messages", headers: Headers = BETAS, **body: Any) -> WireRequest:
    return WireRequest("POST", path, b"beta=true", headers, json.dumps({"model": "m", **body}).encode())


def test_invoke_has_model_and_stream_in_its_path_and_betas_in_its_body() -> None:
    told = invoke(request(max_tokens=1, stream=True), "a/b:0")
    assert (told.path, told.query) == (b"/model/a%2Fb:0/invoke-with-response-stream", b"")
    body = json.loads(told.body)
    assert body == {
        "max_tokens": 1,
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": ["a", "b", "c"],
    }
    assert told.headers == ()
    assert invoke(request(), "m").path == b"/model/m/invoke"


def test_without_betas_there_is_no_field_for_them() -> None:
    assert "anthropic_beta" not in json.loads(invoke(request(headers=()), "m").body)


def test_a_newer_version_goes_as_it_is() -> None:
    newer: Headers = ((b"anthropic-version", b"2026-10-21"),)
    for told in (invoke(request(headers=newer), "m"), raw_predict(request(headers=newer), "m", b"/p")):
        assert json.loads(told.body)["anthropic_version"] == "2026-10-21"


@pytest.mark.parametrize(
    ("fields", "limit"),
    [({}, 1024), ({"max_tokens": 7}, 7), ({"thinking": {"type": "enabled", "budget_tokens": 5000}}, 5001)],
)
def test_a_count_is_an_invoke_body_with_a_limit_above_the_budget(fields: dict[str, Any], limit: int) -> None:
    told = invoke(request(b"/v1/messages/count_tokens", tools=[], **fields), "m")
    assert told.path == b"/model/m/count-tokens"
    body = json.loads(base64.b64decode(json.loads(told.body)["input"]["invokeModel"]["body"]))
    assert body["max_tokens"] == limit and "model" not in body and "tools" not in body


def test_vertex_keeps_stream_in_the_body_and_betas_in_the_header() -> None:
    told = raw_predict(request(stream=True), "claude-x@20250929", b"/p")
    assert told.path == b"/p/claude-x@20250929:streamRawPredict"
    assert json.loads(told.body) == {"stream": True, "anthropic_version": "vertex-2023-10-16"}
    assert betas_of(told.headers) == ["a", "b", "c"]
    assert raw_predict(request(), "m", b"/p").path == b"/p/m:rawPredict"


def test_a_count_on_vertex_keeps_the_model() -> None:
    told = raw_predict(request(b"/v1/messages/count_tokens"), "m", b"/p")
    assert told.path == b"/p/count-tokens:rawPredict" and json.loads(told.body)["model"] == "m"


@pytest.mark.parametrize("model", [".", ".."])
def test_a_name_that_would_lead_elsewhere_is_refused(model: str) -> None:
    with pytest.raises(Refused):
        invoke(request(), model)


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(Refused):
        invoke(WireRequest("POST", b"/v1/messages", b"", (), b"[]"), "m")


BODIES = (
    '{"model":"m","messages":[{"role":"user","content":"\\"model\\" \\u00e4"}]}',
    '{"model": "m", "messages": [], "stream": true }\n',
    '{"stream":true,"max_tokens":1,"model":"m","messages":[{"stream":true}]}',
    '{"model":"m","stream":true,"messages":[]}',
    '{"model":"m","messages":[],"stream":false}',
    '{"model":"m","messages":[{"stream":true}]}',
    '{"messages":[{"model":"x"}],"model":"m","stream":true}',
    '{"mod\\u0065l":"m","messages":[]}',
    '{"model":"x","mod\\u0065l":"m","str\\u0065am":true}',
    '{"model":"m","anthropic_version":"mine","anthropic_beta":["mine"],"stream":true}',
    '{"model":"m","metadata":{"anthropic_beta":["theirs"]}}',
    '{"messages":[]}',
    '{"model":null,"stream":null}',
)


@pytest.mark.parametrize("body", BODIES)
def test_wherever_model_and_stream_stand_the_rest_stays_as_it_is(body: str) -> None:
    asked = WireRequest("POST", b"/v1/messages", b"", BETAS, body.encode())
    rest = json.loads(body)
    is_stream = rest.get("stream") is True
    rest.pop("model", None)
    told = raw_predict(asked, "m", b"/p")
    assert told.path.endswith(b":streamRawPredict" if is_stream else b":rawPredict")
    assert json.loads(told.body) == {**rest, "anthropic_version": "vertex-2023-10-16"}
    rest.pop("stream", None)
    told = invoke(asked, "m")
    assert told.path.endswith(b"/invoke-with-response-stream" if is_stream else b"/invoke")
    own = {"anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["a", "b", "c"]}
    assert json.loads(told.body) == {**rest, **own}
    plain = invoke(WireRequest("POST", b"/v1/messages", b"", (), body.encode()), "m")
    assert json.loads(plain.body) == {**rest, "anthropic_version": "bedrock-2023-05-31"}


@pytest.mark.parametrize("body", [*BODIES, '{"model":"m","tags":{},"stream":true}'])
def test_what_was_read_of_a_body_before_changes_nothing_of_what_leaves(body: str) -> None:
    raw = body.encode()
    unread = WireRequest("POST", b"/v1/messages", b"", BETAS, raw)
    known = WireRequest("POST", b"/v1/messages", b"", BETAS, raw, read_call(raw))
    for told, same in (
        (invoke(known, "m"), invoke(unread, "m")),
        (raw_predict(known, "m", b"/p"), raw_predict(unread, "m", b"/p")),
    ):
        assert (told.path, told.headers) == (same.path, same.headers)
        assert json.loads(told.body) == json.loads(same.body)


members = st.sampled_from(
    ['"model":"m"', '"model": "m"', '"stream":true', '"stream" : false', '"stream":null', '"max_tokens":7',
     '"messages":[{"role":"user","content":"\\"stream\\": true"}]', '"anthropic_beta":["x"]', '"thread":null',
     '"anthropic_version":"v"', '"metadata":{"stream":true,"model":"x"}', '"str\\u0065am":true', '"mod\\u0065l":"m"']
)  # fmt: skip


def named(member: str) -> str:
    """Return what a member is called: one that stands twice is refused there, or is of the same name."""
    return next(iter(json.loads(f"{{{member}}}")))


@given(
    st.lists(members, max_size=5, unique_by=named),
    st.sampled_from(["{%s}", " { %s } ", "{%s}\n"]),
    st.booleans(),
)
def test_any_members_in_any_order_mean_the_same_whether_read_before_or_not(
    some: list[str], form: str, is_invoke: bool
) -> None:
    raw = (form % ",".join(some)).encode()
    made = [
        WireRequest("POST", b"/v1/messages", b"", BETAS, raw, fields) for fields in (None, read_call(raw))
    ]
    told = [invoke(one, "m") if is_invoke else raw_predict(one, "m", b"/p") for one in made]
    assert told[0].path == told[1].path
    assert json.loads(told[0].body) == json.loads(told[1].body)
