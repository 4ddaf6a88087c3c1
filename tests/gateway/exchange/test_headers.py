"""Headers that pass, in either direction."""

from collections.abc import Callable, Sequence

import pytest

from gateway.exchange.headers import (
    MAX_NAMES,
    PASSES_UP,
    headers_down,
    headers_up,
    query_up,
    stream_headers,
    whole_headers,
)
from providers.dialects.types import Headers, WireAnswer
from tests.gateway.usage.contexts import context


def test_what_an_upstream_never_sees() -> None:
    headers: Sequence[tuple[bytes, bytes]] = [
        (b"anthropic-beta", b"a"),
        (b"anthropic-beta", b"b"),
        (b"authorization", b"Bearer la_sk_x"),
        (b"x-api-key", b"la_sk_x"),
        (b"cookie", b"a=b"),
        (b"connection", b"keep-alive, X-Once"),
        (b"x-once", b"1"),
        (b"x-forwarded-for", b"10.0.0.1"),
        (b"cf-ray", b"1"),
        (b"proxy-authorization", b"Basic x"),
        (b"via", b"1.1 proxy"),
        (b"host", b"gateway"),
        (b"te", b"trailers"),
        (b"x-claude-code-session-id", b"s"),
        (b"x-claude-code-managed-settings-checksum", b"sha256:0"),
        (b"x-claude-code-agent-id", b"a"),
    ]
    assert headers_up(tuple(headers)) == (
        (b"anthropic-beta", b"a"),
        (b"anthropic-beta", b"b"),
        (b"x-claude-code-session-id", b"s"),
        (b"x-claude-code-agent-id", b"a"),
    )


@pytest.mark.parametrize("name", ("request-class", "prompt-id", "auxiliary-type", "agent-type", "compaction",
                                  "context-compacted", "managed-settings-checksum"))  # fmt: skip
def test_hints_for_a_gateway_end_here(name: str) -> None:
    told = ((b"x-claude-code-" + name.encode(), b"main"), (b"x-claude-1p-request-class", b"main"))
    kept = ((b"x-claude-code-parent-agent-id", b"p"), (b"x-claude-code-other", b"o"))
    assert headers_up((*told, *kept)) == kept


def test_what_a_client_never_sees() -> None:
    headers = (
        (b"content-type", b"application/json"),
        (b"set-cookie", b"a=b"),
        (b"anthropic-organization-id", b"org"),
        (b"server", b"cloud"),
        (b"transfer-encoding", b"chunked"),
        (b"vary", b"a"),
        (b"vary", b"b"),
        (b"request-id", b"req_1"),
        (b"retry-after", b"7"),
    )
    assert [name for name, _ in headers_down(headers)] == [
        b"content-type",
        b"vary",
        b"vary",
        b"request-id",
        b"retry-after",
    ]


def test_names_that_a_caller_makes_up_do_not_fill_memory() -> None:
    for number in range(2 * MAX_NAMES):
        name = b"x-made-up-%d" % number
        assert headers_up(((name, b"1"), (b"cf-%d" % number, b"1"))) == ((name, b"1"),)
    assert len(PASSES_UP) <= MAX_NAMES


def test_a_stream_has_no_length_and_is_not_to_be_held_back() -> None:
    told = stream_headers(((b"content-length", b"9"), (b"x-accel-buffering", b"yes"), (b"vary", b"a")))
    assert told == (
        (b"vary", b"a"),
        (b"x-accel-buffering", b"no"),
        (b"cache-control", b"no-cache, no-transform"),
    )
    cached = (b"cache-control", b"no-store")
    assert stream_headers((cached,)) == (cached, (b"x-accel-buffering", b"no"))


@pytest.mark.parametrize(
    "name",
    [
        b"x-goog-api-key", b"api-key", b"x-api-key", b"authorization", b"cookie", b"x-amz-security-token",
        b"x-amz-date", b"x-amz-content-sha256", b"signature-input", b"forwarded", b"x-forwarded", b"x-forwarded-for",
        b"x-forwarded-client-cert", b"x-real-ip", b"via", b"cf-connecting-ip", b"true-client-ip", b"x-client-ip",
        b"x-cluster-client-ip", b"fastly-client-ip", b"x-original-forwarded-for", b"x-original-url",
        b"proxy-authorization", b"x-envoy-peer-metadata", b"cdn-loop", b"x-auth-token",
        b"traceparent", b"tracestate", b"baggage",
        b"payment-authorization", b"accept-payment", b"x-client-secret", b"x-api-token", b"helicone-auth",
        b"x-my-api-key", b"x-portkey-api-key", b"x-upstream-authorization", b"x-password", b"x-id-token",
        b"access_key", b"x-jwt-assertion", b"x-user-credential",
        b"token", b"x-vault-token", b"private-token", b"x-key", b"key", b"x-litellm-key", b"bearer", b"dpop",
        b"x-hub-signature-256", b"x-hmac", b"x-otp", b"passphrase", b"x-client-cert", b"x-arr-clientcert",
        b"x-amz-target", b"x-amz-server-side-encryption-customer-key", b"x-amzn-mtls-clientcert",
        b"x-ms-client-principal-id", b"x-ms-token-aad-refresh-token", b"x-ms-encryption-key", b"x-ms-original-url",
        b"x-aws-ec2-metadata-token", b"x-goog-user-project", b"remote-user", b"x-webauth-user",
        b"x-pomerium-claim-email",
        b"tailscale-user-login", b"x-originating-ip", b"x-proxyuser-ip", b"wl-proxy-client-ip", b"fly-client-ip",
        b"x-b3-traceid", b"uber-trace-id", b"x-amzn-trace-id", b"sentry-trace", b"content-digest",
        b"x-http-method-override", b"x-method-override",
    ],
)  # fmt: skip
def test_who_calls_and_with_what_stays_here(name: bytes) -> None:
    kept = (b"anthropic-version", b"2023-06-01")
    assert headers_up(((name, b"CANARY"), kept, (name, b"CANARY"))) == (kept,)


@pytest.mark.parametrize(
    "name",
    [
        b"idempotency-key", b"session_id", b"x-session-id", b"openai-organization", b"x-max-tokens", b"x-cache-key",
        b"x-idempotency-key", b"x-amzn-bedrock-trace", b"x-ms-client-request-id", b"x-user-id",
        b"x-stainless-lang", b"x-author", b"anthropic-dangerous-direct-browser-access", b"x-grok-conv-id",
    ],
)  # fmt: skip
def test_what_only_sounds_like_it_passes(name: bytes) -> None:
    assert headers_up(((name, b"1"),)) == ((name, b"1"),)


@pytest.mark.parametrize(
    "name", [b"authorization", b"x-api-key", b"cookie", b"set-cookie", b"x-amz-security-token"]
)
def test_credentials_never_come_down(name: bytes) -> None:
    kept = ((b"date", b"today"), (b"request-id", b"r"))
    assert headers_down((*kept, (name, b"CANARY"))) == kept


@pytest.mark.parametrize("passing", [headers_up, headers_down])
def test_every_connection_header_names_some(passing: Callable[[Headers], Headers]) -> None:
    headers = (
        (b"connection", b"keep-alive, X-One ,,x-two"),
        (b"x-one", b"1"),
        (b"x-two", b"2"),
        (b"x-three", b"3"),
        (b"x-four", b"4"),
        (b"connection", b"X-THREE"),
        (b"connection", b""),
    )
    assert passing(headers) == ((b"x-four", b"4"),)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        (b"beta=true", b"beta=true"),
        (b"key=CANARY", b""),
        (b"beta=true&key=CANARY&limit=1", b"beta=true&limit=1"),
        (b"API_Key=CANARY&a=b&api%5Fkey=CANARY&%6bey=CANARY&access_token=x", b"a=b"),
        (b"X-Amz-Signature=CANARY&X-Amz-Security-Token=CANARY&after_id=msg_1", b"after_id=msg_1"),
        (
            b"client_secret=C&password=C&auth=C&jwt=C&token=C&session=C&AWSAccessKeyId=C&code=C&limit=2",
            b"limit=2",
        ),
        (b"token%5B%5D=C&+key=C&key%00=C&x-ms-a=1", b"x-ms-a=1"),
        (b"a=1;api_key=C&b=1;c=2", b"b=1;c=2"),
        (b"monkey=1&page_token=2&keys=3&&=", b"monkey=1&page_token=2&keys=3&&="),
    ],
)
def test_keys_in_the_query_stay_here(query: bytes, kept: bytes) -> None:
    assert query_up(query) == kept
    assert (query_up(query) is query) == (query == kept)


OWN, THEIRS = b"x-request-id", b"request-id"


@pytest.mark.parametrize(
    ("surface", "headers", "told"),
    [
        ("chat_completions", (), [OWN]),
        ("chat_completions", ((OWN, b"up"),), []),
        ("responses", ((b"content-length", b"2"),), [OWN]),
        ("messages", (), [THEIRS]),
        ("messages", ((THEIRS, b"up"),), []),
    ],
)
async def test_every_whole_answer_has_an_id_by_the_caller_s_name(
    surface: str, headers: Headers, told: list[bytes]
) -> None:
    asked = context(surface, b"{}")
    seen = whole_headers(asked, WireAnswer(200, headers))
    assert [name for name, value in seen if value == asked.exchange.id.encode()] == told
    assert b"content-length" not in dict(seen)
