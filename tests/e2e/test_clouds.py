"""Clouds behind the gateway: every kind and every surface, streamed and not, verified by a stand-in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.routing import chat, messages, post, said
from tests.fakes.clouds import (
    ACCESS_KEY,
    ACCOUNT_ID,
    API_KEY,
    ARN,
    SECRET_KEY,
    Cloud,
    Keys,
    aws_error,
    chunk,
    exception,
    google_error,
)
from tests.fakes.server import Answer
from tests.harness import GatewayProcess
from tests.rawhttp import Response

Start = Callable[..., GatewayProcess]
MODEL = "claude-sonnet-4-5-20250929"
SETTINGS = {
    "ANTHROPIC_API_KEY": "",
    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_EC2_METADATA_DISABLED": "true",
}
KINDS: dict[str, dict[str, Any]] = {
    "messages": {"kind": "bedrock", "region": "eu-central-1", "api": "messages"},
    "mantle": {"kind": "bedrock", "region": "eu-central-1", "api": "mantle"},
    "invoke": {"kind": "bedrock", "region": "eu-central-1", "api": "invoke"},
    "vertex": {"kind": "vertex", "project": "secret-project", "region": "europe-west1", "api_key": API_KEY},
    "foundry": {"kind": "foundry", "api_key": API_KEY},
    "aws": {"kind": "anthropic-aws", "region": "eu-west-1", "workspace": "wrkspc_01CANARY"},
}


@pytest.fixture(scope="module")
def shared_cloud() -> Iterator[Cloud]:
    with Cloud() as cloud:
        yield cloud


@pytest.fixture
def cloud(shared_cloud: Cloud) -> Cloud:
    shared_cloud.reset()
    return shared_cloud


@pytest.fixture
def gateway(shared: Start, cloud: Cloud) -> Iterator[GatewayProcess]:
    process = shared("uvicorn", SETTINGS)
    yield process
    for kind, key in (("routes", "model"), ("providers", "name"), ("accounts", "name")):
        for row in process.admin("GET", f"/api/{kind}").json()["data"]:
            process.admin("DELETE", f"/api/{kind}/{row[key]}")


def provide(gateway: GatewayProcess, cloud: Cloud, way: str, **fields: Any) -> None:
    base = f"{cloud.url}/anthropic" if way == "foundry" else cloud.url
    values = {"name": "cloud", "base_url": base, "models": [MODEL], **KINDS[way], **fields}
    answer = gateway.admin("POST", "/api/providers", values)
    assert answer.status == 200, answer


def events_of(answer: Response) -> list[dict[str, Any]]:
    lines = [line for line in answer.body.split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(line[6:]) for line in lines if line != b"data: [DONE]"]


def unseen(answer: Response) -> None:
    """Nothing of the cloud's own is told."""
    text = answer.body.decode() + repr(answer.headers)
    for secret in (ACCOUNT_ID, "arn:aws", "x-amzn-requestid", "wrkspc_", "secret-project", "as-the-cloud"):
        assert secret not in text, (secret, text)


@pytest.mark.parametrize("way", KINDS)
def test_every_kind_answers_messages_whole_and_streamed(gateway, cloud: Cloud, way: str) -> None:
    provide(gateway, cloud, way)
    whole = messages(gateway, MODEL)
    assert said(whole) == "You said: hello", cloud.refused
    assert whole.json()["model"] == MODEL
    unseen(whole)
    streamed = messages(gateway, MODEL, stream=True)
    assert streamed.status == 200
    told = events_of(streamed)
    assert told[0]["message"]["model"] == MODEL and told[-1] == {"type": "message_stop"}
    unseen(streamed)
    assert not cloud.refused


@pytest.mark.parametrize("way", KINDS)
def test_every_kind_answers_chat_whole_and_streamed(gateway, cloud: Cloud, way: str) -> None:
    provide(gateway, cloud, way)
    whole = chat(gateway, MODEL)
    assert said(whole) == "You said: hello" and whole.json()["model"] == MODEL
    streamed = chat(gateway, MODEL, stream=True)
    told = events_of(streamed)
    assert "".join(one["choices"][0]["delta"].get("content") or "" for one in told if one["choices"])
    assert {one["model"] for one in told} == {MODEL}
    unseen(whole), unseen(streamed)


@pytest.mark.parametrize("way", KINDS)
def test_every_kind_answers_responses(gateway, cloud: Cloud, way: str) -> None:
    provide(gateway, cloud, way)
    for stream in (False, True):
        answer = post(gateway, "/v1/responses", {"model": MODEL, "input": "hello", "stream": stream})
        assert answer.status == 200 and b"You said" in answer.body, answer
        unseen(answer)


@pytest.mark.parametrize("way", KINDS)
def test_every_kind_serves_the_clouds_own_surfaces(gateway, cloud: Cloud, way: str) -> None:
    provide(gateway, cloud, way)
    body = {"max_tokens": 5, "messages": [{"role": "user", "content": "hello"}]}
    told = post(gateway, f"/model/{MODEL}/invoke", {**body, "anthropic_version": "bedrock-2023-05-31"})
    assert said(told) == "You said: hello"
    streamed = post(
        gateway,
        f"/model/{MODEL}/invoke-with-response-stream",
        {**body, "anthropic_version": "bedrock-2023-05-31"},
    )
    assert streamed.status == 200 and b":message-type" in streamed.body
    assert streamed.get("content-type") == "application/vnd.amazon.eventstream"
    place = f"/v1/projects/p/locations/global/publishers/anthropic/models/{MODEL}"
    told = post(gateway, f"{place}:rawPredict", {**body, "anthropic_version": "vertex-2023-10-16"})
    assert said(told) == "You said: hello"


@pytest.mark.parametrize("way", KINDS)
def test_every_kind_counts(gateway, cloud: Cloud, way: str) -> None:
    provide(gateway, cloud, way)
    body = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], "tools": []}
    answer = post(gateway, "/v1/messages/count_tokens", body)
    assert answer.status == 200 and answer.json() == {"input_tokens": 42}, answer
    if way == "invoke":
        assert "tools" not in cloud.taken[0].body and cloud.taken[0].body["max_tokens"] > 0


@pytest.mark.parametrize("way", ["messages", "mantle", "invoke", "aws"])
def test_what_is_signed_names_the_service_and_the_region(gateway, cloud: Cloud, way: str) -> None:
    provide(gateway, cloud, way)
    messages(gateway, MODEL)
    services = {"mantle": "bedrock-mantle", "aws": "aws-external-anthropic"}
    taken = cloud.taken[0]
    assert (taken.service, taken.region) == (services.get(way, "bedrock"), KINDS[way]["region"])
    assert taken.headers.get("anthropic-workspace-id") == ("wrkspc_01CANARY" if way == "aws" else None)


@pytest.mark.parametrize("way", ["messages", "invoke", "vertex"])
def test_tags_and_logins_betas_go_before_clouds(gateway, cloud: Cloud, way: str) -> None:
    provide(gateway, cloud, way)
    headers = [
        gateway.token.bearer,
        ("content-type", "application/json"),
        ("anthropic-beta", "oauth-2025-04-20,request-tags-2026-08-21"),
    ]
    body = {
        "model": MODEL,
        "max_tokens": 5,
        "tags": {"a": "b"},
        "messages": [{"role": "user", "content": "hello"}],
    }
    assert gateway.ask("POST", "/v1/messages", headers, json.dumps(body).encode()).status == 200
    assert "tags" not in cloud.taken[0].body and "anthropic-beta" not in cloud.taken[0].headers
    assert "anthropic_beta" not in cloud.taken[0].body


@pytest.mark.parametrize("way", KINDS)
def test_betas_stand_in_the_header_but_for_invoke(gateway, cloud: Cloud, way: str) -> None:
    provide(gateway, cloud, way)
    headers = [gateway.token.bearer, ("content-type", "application/json"), ("anthropic-beta", "a-1, b-2")]
    body = {"model": MODEL, "max_tokens": 5, "messages": [{"role": "user", "content": "hello"}]}
    assert gateway.ask("POST", "/v1/messages", headers, json.dumps(body).encode()).status == 200
    taken = cloud.taken[0]
    told = (taken.headers.get("anthropic-beta"), taken.body.get("anthropic_beta"))
    assert told == ((None, ["a-1", "b-2"]) if way == "invoke" else ("a-1,b-2", None))


def test_no_credential_anywhere_is_told_soon_and_not_as_401(gateway, cloud: Cloud) -> None:
    provide(gateway, cloud, "vertex", api_key=None)
    account(gateway, "nowhere", source="google", location="/no/such/file")
    answer = messages(gateway, MODEL)
    assert answer.status == 503 and "no credential" in answer.json()["error"]["message"], answer
    assert not cloud.seen


def test_a_price_of_the_providers_name_counts_there(gateway, cloud: Cloud) -> None:
    provide(gateway, cloud, "messages")
    price = {"model": MODEL, "provider": "cloud", "input": "1000", "output": "1000"}
    assert gateway.admin("POST", "/api/prices", price).status == 200
    token = gateway.issue("priced")
    assert messages(gateway, MODEL, token).status == 200
    (row,) = gateway.exchanges(token)
    assert row["cost"] is not None and float(row["cost"]) > 0.001, dict(row)
    gateway.admin("DELETE", f"/api/prices/{MODEL}?provider=cloud")


def test_calls_that_stay_in_a_region_cost_a_tenth_more(gateway, cloud: Cloud) -> None:
    costs: dict[str, float] = {}
    globally = {"model_ids": {MODEL: f"global.anthropic.{MODEL}-v1:0"}}
    for name, way, fields in (
        ("bedrock", "invoke", {}),
        ("bedrock-global", "invoke", globally),
        ("vertex", "vertex", {}),
        ("vertex-global", "vertex", {"region": "global"}),
        ("platform", "aws", {}),
    ):
        provide(gateway, cloud, way, **fields)
        token = gateway.issue(name)
        assert messages(gateway, MODEL, token).status == 200
        (row,) = gateway.exchanges(token)
        costs[name] = float(row["cost"])
        gateway.admin("DELETE", "/api/providers/cloud")
    assert costs["platform"] > 0
    for name, times in (("bedrock", 1.1), ("bedrock-global", 1.0), ("vertex", 1.1), ("vertex-global", 1.0)):
        assert costs[name] == pytest.approx(times * costs["platform"]), costs


def test_the_platform_on_aws_is_sent_tags(gateway, cloud: Cloud) -> None:
    provide(gateway, cloud, "aws")
    assert messages(gateway, MODEL, tags={"a": "b"}).status == 200
    assert cloud.taken[0].body["tags"] == {"a": "b"}


@pytest.mark.parametrize("way", KINDS)
def test_a_thread_is_refused_before_anything_is_sent(gateway, cloud: Cloud, way: str) -> None:
    provide(gateway, cloud, way)
    answer = messages(gateway, MODEL, thread={"id": "thread_1"})
    assert answer.status == 400 and "thread" in answer.json()["error"]["message"]
    assert not cloud.seen


@pytest.mark.parametrize(
    ("status", "name", "told", "kind"),
    [
        (400, "ValidationException", 400, "invalid_request_error"),
        (400, "ServiceQuotaExceededException", 429, "rate_limit_error"),
        (403, "AccessDeniedException", 403, "permission_error"),
        (404, "ResourceNotFoundException", 404, "not_found_error"),
        (408, "ModelTimeoutException", 408, "timeout_error"),
        (424, "ModelErrorException", 424, "api_error"),
        (429, "ThrottlingException", 429, "rate_limit_error"),
        (429, "ModelNotReadyException", 429, "overloaded_error"),
        (500, "InternalServerException", 500, "api_error"),
        (503, "ServiceUnavailableException", 503, "overloaded_error"),
    ],
)
def test_errors_are_told_in_our_words(gateway, cloud, status: int, name: str, told: int, kind: str) -> None:
    provide(gateway, cloud, "invoke")
    answer = post(
        gateway,
        "/v1/messages",
        {
            "model": MODEL,
            "max_tokens": 5,
            "messages": [{"role": "user", "content": f"REFUSE {status} {name}"}],
        },
    )
    assert (answer.status, answer.json()["error"]["type"]) == (told, kind), answer
    assert answer.json()["error"]["message"]
    unseen(answer)
    gateway.admin("POST", "/api/providers/cloud/clear")


def test_ids_of_rows_go_before_those_that_ship(gateway, cloud: Cloud) -> None:
    provide(gateway, cloud, "invoke", api="auto", model_ids={"mine": ARN, "old": "us.anthropic.claude-x"})
    for asked, way, model in (
        ("mine", "invoke", ARN),
        ("old", "invoke", "us.anthropic.claude-x"),
        (MODEL, "invoke", f"anthropic.{MODEL}-v1:0"),
    ):
        cloud.taken.clear()
        assert messages(gateway, asked).json()["model"] == asked
        assert (cloud.taken[0].way, cloud.taken[0].model) == (way, model)
    shown = gateway.admin("GET", "/api/routes/test?model=mine").json()
    assert shown["chain"][0]["model"] == ARN
    listed = gateway.ask("GET", "/v1/models", [gateway.token.bearer]).json()
    assert {"mine", "old", MODEL} <= {one["id"] for one in listed["data"]}


def test_a_clouds_own_id_goes_as_its_caller_wrote_it(gateway, cloud: Cloud) -> None:
    provide(gateway, cloud, "invoke", model_ids={"eu.anthropic.claude-y": ARN})
    body = {"max_tokens": 5, "messages": [{"role": "user", "content": "hello"}]}
    asked = f"us.anthropic.{MODEL}-v1:0"
    assert post(gateway, f"/model/{asked.replace(':', '%3A')}/invoke", body).status == 200
    assert post(gateway, "/model/eu.anthropic.claude-y/invoke", body).status == 200
    assert [taken.model for taken in cloud.taken] == [asked, ARN]


def test_an_arn_in_the_path_is_encoded_once(gateway, cloud: Cloud) -> None:
    provide(gateway, cloud, "invoke", model_ids={"mine": ARN})
    assert messages(gateway, "mine").status == 200
    assert b"profile%2Fabc123/invoke" in cloud.seen[0].target and b"%25" not in cloud.seen[0].target


def test_a_guardrail_of_the_caller_passes(gateway, cloud: Cloud) -> None:
    provide(gateway, cloud, "invoke")
    guard = ("x-amzn-bedrock-guardrailidentifier", "guard-1")
    body = json.dumps({"model": MODEL, "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]})
    for path in ("/v1/messages", f"/model/{MODEL}/invoke"):
        headers = [gateway.token.bearer, ("content-type", "application/json"), guard]
        assert gateway.ask("POST", path, headers, body.encode()).status == 200
    assert [taken.headers[guard[0]] for taken in cloud.taken] == ["guard-1", "guard-1"]


@pytest.mark.parametrize("way", ["invoke", "messages"])
def test_what_a_guardrail_traced_into_a_whole_answer_names_no_account(
    gateway, cloud: Cloud, way: str
) -> None:
    provide(gateway, cloud, way)
    traced = {"guardrail": {"arn": ARN, "action": "INTERVENED"}}
    usage = {"input_tokens": 3, "output_tokens": 2}
    told = {"id": "m", "type": "message", "role": "assistant", "model": "x", "content": [], "usage": usage}
    own = {"amazon-bedrock-trace": traced, "amazon-bedrock-guardrailAction": "INTERVENED"}
    cloud.say(Answer(200, [("content-type", "application/json")], [json.dumps({**told, **own}).encode()]))
    asked = [gateway.token.bearer, ("content-type", "application/json"), ("x-amzn-bedrock-trace", "ENABLED")]
    answer = gateway.ask("POST", "/v1/messages", asked, json.dumps(body_of("hello")).encode())
    assert answer.json()["amazon-bedrock-trace"] == {"guardrail": {"arn": "…", "action": "INTERVENED"}}, (
        answer
    )
    assert (answer.json()["model"], answer.json()["usage"]) == (MODEL, usage)
    unseen(answer)


def account(gateway: GatewayProcess, name: str, **fields: Any) -> None:
    answer = gateway.admin("POST", "/api/accounts", {"name": name, "provider": "cloud", **fields})
    assert answer.status in (200, 201), answer


def test_two_regions_are_two_accounts_and_throttling_is_ones_own(gateway, cloud: Cloud) -> None:
    provide(gateway, cloud, "invoke")
    keys = {"source": "aws", "access_key_id": ACCESS_KEY, "secret": SECRET_KEY}
    account(gateway, "here", region="eu-central-1", priority=1, **keys)
    account(gateway, "there", region="us-east-1", priority=2, **keys)
    cloud.say(aws_error(429, "ThrottlingException", f"too fast, {ARN}"))
    assert said(messages(gateway, MODEL)) == "You said: hello"
    first = (cloud.seen[0].get("authorization") or b"").decode().split("/")[2]
    assert cloud.taken[0].region != first and {cloud.taken[0].region, first} == {"eu-central-1", "us-east-1"}
    cloud.taken.clear()
    assert messages(gateway, MODEL).status == 200
    assert cloud.taken[0].region != first


def test_conversations_keep_their_region_and_only_the_throttled_move(gateway, cloud: Cloud) -> None:
    provide(gateway, cloud, "invoke")
    keys = {"source": "aws", "access_key_id": ACCESS_KEY, "secret": SECRET_KEY}
    account(gateway, "frankfurt", region="eu-central-1", **keys)
    account(gateway, "virginia", region="us-east-1", **keys)
    account(gateway, "key", source="api_key", secret=API_KEY)

    def region(number: int) -> str:
        """Return where a conversation is served: a region, or "" with the key."""
        cloud.taken.clear()
        body = {
            "model": MODEL,
            "max_tokens": 5,
            "messages": [{"role": "user", "content": f"conversation {number}"}],
        }
        session = ("x-claude-code-session-id", f"0000-{number}")
        headers = [gateway.token.bearer, ("content-type", "application/json"), session]
        answer = gateway.ask("POST", "/v1/messages", headers, json.dumps(body).encode())
        assert answer.status == 200, answer
        return cloud.taken[0].region

    before = {number: region(number) for number in range(9)}
    assert set(before.values()) == {"eu-central-1", "us-east-1", ""}
    assert {number: region(number) for number in before} == before
    throttled = next(number for number, place in before.items() if place == "us-east-1")
    cloud.say(aws_error(429, "ThrottlingException", "slow down", ("retry-after", "60")))
    assert region(throttled) != "us-east-1"
    after = {number: region(number) for number in before}
    for number, place in before.items():
        assert (after[number] != place) == (place == "us-east-1"), (before, after)
    cloud.say(aws_error(429, "ThrottlingException", "slow down", ("retry-after", "60")))
    assert region(next(number for number, place in after.items() if place == "eu-central-1")) == ""
    assert {region(number) for number in before} == {""}  # the key alone is left


def test_a_session_token_is_shown_and_signed(gateway, cloud: Cloud) -> None:
    provide(gateway, cloud, "messages")
    cloud.keys = [Keys("AKIASESSION012345678", "s" * 40, "session-token-CANARY")]
    secrets = {"secret": "s" * 40, "session_token": "session-token-CANARY"}
    account(gateway, "session", source="aws", access_key_id="AKIASESSION012345678", **secrets)
    assert messages(gateway, MODEL).status == 200, cloud.refused


QUOTED = "session-token-CANARY/of+the=role-0123456789"
"""What a call shows is not the account's own credential: that only says where to find it."""


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
@pytest.mark.parametrize("way", ["messages", "invoke"])
def test_what_a_call_has_shown_is_taken_out_of_whatever_quotes_it(
    gateway, cloud: Cloud, way: str, path: str
) -> None:
    provide(gateway, cloud, way)
    cloud.keys = [Keys("AKIASESSION012345678", "s" * 40, QUOTED)]
    secrets = {"secret": "s" * 40, "session_token": QUOTED}
    account(gateway, "session", source="aws", access_key_id="AKIASESSION012345678", **secrets)
    message = {"id": "m", "type": "message", "role": "assistant", "model": "x", "stop_reason": "end_turn"}
    whole = {**message, "content": [{"type": "text", "text": f"I am {QUOTED}"}], "usage": {"input_tokens": 1}}
    begun = {"type": "message_start", "message": {**message, "content": [], "usage": {"input_tokens": 1}}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    delta = {"type": "text_delta", "text": f"I am {QUOTED}"}
    told = [
        begun,
        block,
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "message_stop"},
    ]
    framed = [chunk(event) for event in told]
    events = [b"event: %b\ndata: %b\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in told]
    kind = "application/vnd.amazon.eventstream" if way == "invoke" else "text/event-stream"
    streamed = Answer(200, [("content-type", kind)], framed if way == "invoke" else events, framing="chunked")
    as_json = [("content-type", "application/json"), ("x-quoted", QUOTED)]
    for answer, stream in ((Answer(200, as_json, [json.dumps(whole).encode()]), False), (streamed, True)):
        cloud.say(answer)
        seen = post(gateway, path, {**body_of("hello"), "stream": stream})
        assert seen.status == 200 and b"I am" in seen.body, seen
        assert QUOTED not in seen.body.decode() + repr(seen.headers), seen
    assert QUOTED not in gateway.log()


def body_of(text: str) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": text}]}


def test_a_clock_that_is_wrong_is_set_by_the_clouds(gateway, cloud: Cloud) -> None:
    provide(gateway, cloud, "invoke")
    cloud.clock_offset = 4000.0
    assert messages(gateway, MODEL).status == 200, cloud.refused
    assert len(cloud.seen) == 2
    assert messages(gateway, MODEL).status == 200
    assert len(cloud.seen) == 3
    cloud.clock_offset = 0.0
    assert messages(gateway, MODEL).status == 200
    assert len(cloud.seen) == 5


def test_an_exception_first_is_a_refusal_and_later_an_event(gateway, cloud: Cloud) -> None:
    provide(gateway, cloud, "invoke")
    kinds = [("content-type", "application/vnd.amazon.eventstream")]
    cloud.say(Answer(200, kinds, [exception("throttlingException", f"slow {ARN}")], framing="chunked"))
    answer = messages(gateway, MODEL, stream=True)
    assert answer.status == 429 and answer.json()["error"]["type"] == "rate_limit_error", answer
    unseen(answer)
    gateway.admin("POST", "/api/providers/cloud/clear")
    start = {"type": "message_start", "message": {"id": "m", "model": "x", "usage": {"input_tokens": 1}}}
    parts = [chunk(start), 0.3, exception("serviceUnavailableException", f"gone {ARN}"), chunk(start)]
    cloud.say(Answer(200, kinds, parts, framing="chunked"))
    answer = messages(gateway, MODEL, stream=True)
    told = events_of(answer)
    assert [one["type"] for one in told] == ["message_start", "error"]
    assert told[-1]["error"]["type"] == "overloaded_error"
    unseen(answer)


def test_an_error_event_of_a_cloud_is_told_in_our_words(gateway, cloud: Cloud) -> None:
    provide(gateway, cloud, "messages")
    body = {
        "messages": [{"role": "user", "content": "BREAK"}],
        "model": MODEL,
        "max_tokens": 5,
        "stream": True,
    }
    answer = post(gateway, "/v1/messages", body)
    assert events_of(answer)[-1]["error"]["type"] == "overloaded_error"
    unseen(answer)


def test_googles_errors_are_told_in_our_words(gateway, cloud: Cloud) -> None:
    provide(gateway, cloud, "vertex")
    cloud.say(google_error(429, "RESOURCE_EXHAUSTED", "Quota exceeded for projects/secret-project"))
    answer = messages(gateway, MODEL)
    assert (answer.status, answer.json()["error"]["type"]) == (429, "rate_limit_error")
    unseen(answer)


def test_an_input_that_is_too_long_is_said_so(gateway, cloud: Cloud) -> None:
    for way, said_there in (("invoke", "Input is too long for requested model."), ("vertex", None)):
        provide(gateway, cloud, way)
        cloud.say(
            aws_error(400, "ValidationException", said_there)
            if said_there
            else google_error(400, "INVALID_ARGUMENT", "Prompt is too long: 300000 tokens")
        )
        answer = messages(gateway, MODEL)
        assert answer.status == 400 and "Input is too long." in answer.json()["error"]["message"], answer
        assert len(cloud.seen) == 1
        cloud.reset()
        gateway.admin("DELETE", "/api/providers/cloud")


@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "ValidationException"), (403, "AccessDeniedException"), (404, "UnknownOperationException")],
)
def test_a_cloud_that_does_not_count_says_501(gateway, cloud: Cloud, status: int, name: str) -> None:
    provide(gateway, cloud, "invoke")
    cloud.say(aws_error(status, name, "The provided model doesn't support counting tokens"))
    answer = post(
        gateway, "/v1/messages/count_tokens", {"model": MODEL, "messages": [{"role": "user", "content": "a"}]}
    )
    assert answer.status == 501 and answer.get("x-should-retry") == "false", answer
    assert answer.json()["error"]["type"] == "not_supported"
    assert messages(gateway, MODEL).status == 200


def test_fields_are_checked_and_given_back(gateway, cloud: Cloud) -> None:
    for values, field in (
        ({"kind": "bedrock"}, "region"),
        ({"kind": "bedrock", "region": "x/y"}, "region"),
        ({"kind": "bedrock", "region": "eu", "api": "soap"}, "api"),
        ({"kind": "bedrock", "region": "eu", "project": "p"}, "project"),
        ({"kind": "vertex"}, "project"),
        ({"kind": "foundry"}, "base_url"),
        ({"kind": "anthropic-aws", "region": "eu"}, "workspace"),
        ({"kind": "openai-compatible", "base_url": "http://x/v1", "region": "eu"}, "region"),
        ({"kind": "bedrock", "region": "eu", "model_ids": {"a": 1}}, "model_ids"),
    ):
        answer = gateway.admin("POST", "/api/providers", {"name": "bad", **values})
        assert answer.status == 400 and field in answer.body.decode(), (values, answer)
    values = {"name": "b", "kind": "bedrock", "region": "eu-west-1", "model_ids": {"a": ARN}, "api": "mantle"}
    answer = gateway.admin("POST", "/api/providers", values).json()
    assert {name: answer[name] for name in values} == values and answer["base_url"] == ""
    changed = gateway.admin(
        "PATCH", "/api/providers/b", {"model_ids": {"c": "d"}, "region": "eu-west-3"}
    ).json()
    assert changed["model_ids"] == {"c": "d"} and changed["region"] == "eu-west-3"
    assert changed["api"] == "mantle"
