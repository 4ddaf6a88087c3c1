"""URLs joined so that `/v1` stands once, one bearer key, few headers, and what every refusal means."""

from __future__ import annotations

import json

import httpx
import pytest

from providers.dialects.types import Failure, FailureKind, Headers, WireAnswer, WireRequest
from providers.drivers.base import Outcome, Scope, Verdict
from providers.drivers.openai_compatible import OpenAiCompatibleDriver
from providers.errors import ForeignUrl
from providers.upstream import Credential, CredentialKind, Upstream

NOW = 1_800_000_000.0
DRIVER = OpenAiCompatibleDriver()
KEY = Credential(CredentialKind.API_KEY, "sk-k")
NO_KEY = Credential(CredentialKind.NONE, "")


def built(
    base_url: str = "https://h/v1",
    path: bytes = b"/v1/chat/completions",
    credential: Credential = KEY,
    headers: Headers = (),
    extra: dict[str, str] | None = None,
) -> httpx.Request:
    upstream = Upstream("p", "openai-compatible", base_url, "", credential, headers=extra or {})
    return DRIVER.build(upstream, WireRequest("POST", path, b"", headers, b"{}"), 0.0)


@pytest.mark.parametrize(
    ("base", "path", "target"),
    [
        ("https://h/v1", b"/v1/chat/completions", b"/v1/chat/completions"),
        ("https://h", b"/v1/chat/completions", b"/v1/chat/completions"),
        ("https://h/openai/v1", b"/v1/models", b"/openai/v1/models"),
        ("https://h/api", b"/v1/embeddings", b"/api/v1/embeddings"),
        ("https://h/v1", b"/other", b"/v1/other"),
        ("https://h/xv1", b"/v1/models", b"/xv1/v1/models"),
    ],
)
def test_base_and_path_are_joined(base: str, path: bytes, target: bytes) -> None:
    request = built(base, path)
    assert (request.extensions["target"], request.url.host) == (target, "h")


def test_the_base_that_ends_in_something_v1_is_not_v1() -> None:
    assert built("https://h/openai-v1", b"/v1/models").extensions["target"] == b"/openai-v1/v1/models"


def test_only_what_such_an_upstream_needs_goes_up() -> None:
    headers = (
        (b"accept", b"text/event-stream"),
        (b"content-type", b"application/json; charset=utf-8"),
        (b"accept-encoding", b"gzip, br"),
        (b"anthropic-version", b"2023-06-01"),
        (b"user-agent", b"client"),
        (b"openai-beta", b"x"),
        (b"openai-organization", b"org-of-the-client"),
        (b"openai-project", b"proj-of-the-client"),
    )
    assert built(
        headers=headers, extra={"X-Team": "blue", "Authorization": "no", "Host": "evil"}
    ).headers.raw == [
        (b"accept", b"text/event-stream"),
        (b"content-type", b"application/json; charset=utf-8"),
        (b"openai-beta", b"x"),
        (b"accept-encoding", b"identity"),
        (b"x-team", b"blue"),
        (b"authorization", b"Bearer sk-k"),
    ]


def test_without_a_key_there_is_no_authorization_and_defaults_are_the_references() -> None:
    assert built(credential=NO_KEY).headers.raw == [
        (b"content-type", b"application/json"),
        (b"accept", b"*/*"),
        (b"accept-encoding", b"identity"),
    ]


def test_the_operators_headers_replace_the_clients() -> None:
    sent = built(headers=((b"openai-beta", b"client"),), extra={"OpenAI-Beta": "operator"}).headers
    assert sent.get_list("openai-beta") == ["operator"]


@pytest.mark.parametrize("base", ["ftp://h", "https://user:pass@h/v1", "https:///v1"])
def test_a_base_that_is_no_plain_url_is_refused(base: str) -> None:
    with pytest.raises(ForeignUrl):
        built(base)


def test_a_path_can_not_name_a_host() -> None:
    with pytest.raises(ForeignUrl):
        built(path=b"@evil.example/v1")
    assert built(path=b"//evil.example/v1").url.host == "h"


def refused(
    status: int, message: str = "no", code: str | None = None, *headers: tuple[bytes, bytes]
) -> Verdict:
    body = json.dumps({"error": {"message": message, "type": "x", "param": None, "code": code}}).encode()
    return DRIVER.classify(WireAnswer(status, headers, body), NOW)


def summary(verdict: Verdict) -> tuple[Outcome, Scope, float | None]:
    until = None if verdict.until is None else verdict.until - NOW
    return verdict.outcome, verdict.scope, until


@pytest.mark.parametrize(
    ("verdict", "outcome", "scope", "seconds"),
    [
        (refused(429, "slow", None, (b"retry-after", b"7")), Outcome.RETRY_OTHER, Scope.MODEL, 7),
        (refused(429, "slow", None, (b"retry-after-ms", b"1500")), Outcome.RETRY_OTHER, Scope.MODEL, 1.5),
        (refused(429), Outcome.RETRY_OTHER, Scope.MODEL, None),
        (refused(429, "pay", "insufficient_quota"), Outcome.RETRY_OTHER, Scope.ACCOUNT, 3600),
        (refused(402), Outcome.RETRY_OTHER, Scope.ACCOUNT, 3600),
        (refused(401, "key", "invalid_api_key"), Outcome.RETRY_OTHER, Scope.ACCOUNT, None),
        (refused(403), Outcome.RETRY_OTHER, Scope.ACCOUNT, 60),
        (
            refused(404, "The model `x` does not exist", "model_not_found"),
            Outcome.RETRY_OTHER,
            Scope.REQUEST,
            None,
        ),
        (refused(404, "Not Found"), Outcome.GIVE_UP, Scope.REQUEST, None),
        (refused(500), Outcome.RETRY_OTHER, Scope.PROVIDER, None),
        (refused(503), Outcome.RETRY_OTHER, Scope.PROVIDER, None),
        (refused(529), Outcome.RETRY_OTHER, Scope.PROVIDER, None),
        (refused(520), Outcome.RETRY_OTHER, Scope.PROVIDER, None),
        (refused(408), Outcome.RETRY_OTHER, Scope.PROVIDER, None),
        (refused(400), Outcome.GIVE_UP, Scope.REQUEST, None),
        (refused(422), Outcome.GIVE_UP, Scope.REQUEST, None),
    ],
)
def test_refusals(verdict: Verdict, outcome: Outcome, scope: Scope, seconds: float | None) -> None:
    assert summary(verdict) == (outcome, scope, seconds)


def test_overflow_and_unknown_models_are_told_apart() -> None:
    assert refused(400, "too long", "context_length_exceeded").is_overflow
    assert refused(400, "This model's maximum context length is 8192 tokens").is_overflow
    assert not refused(400).is_overflow
    assert refused(404, "no model", "model_not_found").is_unknown_model
    assert not refused(404, "Not Found").is_unknown_model


def test_a_401_asks_for_another_credential_and_quota_for_the_operator() -> None:
    assert refused(401).needs_refresh
    assert refused(429, "x", "insufficient_quota").needs_operator


def test_no_answer_and_errors_inside_a_stream() -> None:
    down = DRIVER.classify(Failure(FailureKind.TIMEOUT, "late"), NOW)
    assert summary(down) == (Outcome.RETRY_OTHER, Scope.PROVIDER, None)
    limited = DRIVER.classify(Failure(FailureKind.RATE_LIMIT, "slow", retry_after_seconds=4), NOW)
    assert summary(limited) == (Outcome.RETRY_OTHER, Scope.MODEL, 4)


def test_bodies_that_are_no_json_still_mean_something() -> None:
    assert summary(DRIVER.classify(WireAnswer(502, (), b"<html>"), NOW))[1] is Scope.PROVIDER
    assert DRIVER.classify(WireAnswer(200, ()), NOW).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("status", "body", "is_overflow"),
    [
        (400, {"error": {"message": "the request exceeds the available context size", "n_ctx": 8}}, True),
        (422, {"detail": "`inputs` must have less than 4095 tokens. Given: 5000"}, True),
        (400, [{"error": {"message": "The input token count (9) exceeds the maximum number of tokens allowed"}}], True),
        (400, {"error": {"code": "1261", "message": "Prompt 超长"}}, True),
        (400, {"error": {"code": "3051", "message": "too large for model with 8 maximum context length"}}, True),
        (429, {"error": {"message": "Rate limit reached on tokens per min (TPM): Limit 8, Requested 9"}}, False),
        (400, {"error": {"message": "max_tokens is too large: 9. At most 8 completion tokens"}}, False),
    ],
)  # fmt: skip
def test_a_full_context_in_any_words_lets_a_fallback_take_over(
    status: int, body: object, is_overflow: bool
) -> None:
    seen = WireAnswer(status, (), json.dumps(body).encode())
    assert OpenAiCompatibleDriver().classify(seen, 100.0).is_overflow is is_overflow


@pytest.mark.parametrize(
    ("base_url", "compacts"),
    [
        ("https://api.openai.com/v1", True),
        ("https://mine.openai.azure.com/openai/v1", True),
        ("http://127.0.0.1:8000/v1", False),
        ("https://openrouter.ai/api/v1", False),
        ("https://api.openai.com.evil.test/v1", False),
    ],
)
def test_only_openai_s_own_servers_compact(base_url: str, compacts: bool) -> None:
    assert DRIVER.compacts(base_url) is compacts


@pytest.mark.parametrize("status", [400, 404, 422, 500, 501])
def test_an_option_that_is_refused_under_any_status_is_left_out(status: int) -> None:
    body = json.dumps({"error": "stream_options: not implemented"}).encode()
    assert DRIVER.classify(WireAnswer(status, (), body), NOW).refuses_option
    other = DRIVER.classify(WireAnswer(status, (), b'{"error": "down"}'), NOW)
    assert not other.refuses_option
