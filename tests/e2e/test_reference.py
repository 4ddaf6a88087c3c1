"""Exchanges recorded from link-assistant-router 0.18 (tests/e2e/reference), replayed against the gateway.

Every one must come out the same, but for the deviations named here: those that touch every exchange in the
functions below, those of single ones in `DEVIATIONS`. `<MESSAGE>` stands for the recorder's usual answer.
"""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import jwt
import pytest

from tests.fakes.server import CUT, RESET, Answer, FakeServer
from tests.harness import SERVERS, GatewayProcess
from tests.rawhttp import RawClient

pytestmark = pytest.mark.filterwarnings("ignore:The HMAC key")  # the recorder's secret is short
HERE = Path(__file__).parent / "reference"
SECRET = "golden-secret"
CREDENTIAL = "sk-ant-oat01-x"
BETA = "oauth-2025-04-20"
MESSAGE = (
    '{"id":"msg_01","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929",'
    '"content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn","stop_sequence":null,'
    '"usage":{"input_tokens":11,"cache_creation_input_tokens":5,"cache_read_input_tokens":7,"output_tokens":23}}'
)
EXCHANGES = [
    pytest.param(exchange, id=f"{name}: {exchange['name']}")
    for name in ("pass-through", "paths", "client-auth", "errors")
    for exchange in json.loads((HERE / f"{name}.json").read_text())
]

UNKNOWN = (
    "only surfaces and listed paths go upstream: the reference proxies any path under the owner's identity"
)
HOSTILE = "nothing that a URL parser could read differently goes upstream"
TRANSLATED = "becomes a messages call: the reference sends Anthropic another vendor's form"
NOT_FOUND = {"status": 404, "type": "not_found_error"}
DEVIATIONS: dict[str, tuple[str, dict]] = {
    # pass-through
    "invoke": (TRANSLATED, {"status": 200}),
    "vertex streamRawPredict": (TRANSLATED, {"status": 200}),
    "method HEAD on an unknown path": ("no HEAD upstream", {"status": 405}),
    "stream cut in the middle": (
        "a cut stream ends with an error event instead of a cut connection",
        {"status": 200, "ends_with_error": True},
    ),
    "connection closed without an answer": (
        "the refusal names no internal URL",
        {"status": 502, "type": "api_error", "message": "Upstream request failed", "reaches": True},
    ),
    # paths
    "GET /api/latest/anthropic?x=1": (UNKNOWN, NOT_FOUND),
    "GET /api/latest/anthropicX/y": ("the legacy prefix matches whole segments", NOT_FOUND),
    "GET /API/latest/anthropic/x": (UNKNOWN, NOT_FOUND),
    "GET /v1/../v1/files": (HOSTILE, NOT_FOUND),
    "GET /v1/%2e%2e/x": (HOSTILE, NOT_FOUND),
    "GET /v1/%252e%252e/x": (UNKNOWN, NOT_FOUND),
    "GET /x/../health": (HOSTILE, NOT_FOUND),
    "GET //evil.test/x": (HOSTILE, NOT_FOUND),
    "GET /x\\y": (HOSTILE, NOT_FOUND),
    "GET /v1/files/a%2Fb": (HOSTILE, NOT_FOUND),
    "GET /{x}": (UNKNOWN, NOT_FOUND),
    "GET /x?a='b'": (UNKNOWN, NOT_FOUND),
    "GET /x#frag": (
        "a fragment is no part of a request",
        {"status": 400, "type": "invalid_request_error"},
    ),
    "GET /%76%31/messages": (UNKNOWN, {"status": 404}),
    "GET /é": ("the server's own refusal", {"status": 400}),
    # client authentication
    "bad bearer and good x-api-key": ("the one that looks like ours counts", {"status": 200}),
    "expired 58 s ago": (
        "no grace after the end",
        {"status": 401, "type": "authentication_error", "message": "Token has expired"},
    ),
    # bodies
    "pass-through 10 MiB and one byte": ("the limit is 32 MiB", {"status": 200}),
}


@pytest.fixture(scope="module")
def upstream():
    with FakeServer() as server:
        yield server


@pytest.fixture(scope="module", params=SERVERS)
def golden(request, template, upstream, tmp_path_factory):
    """One account with the recorder's credential file, and the recorder's secret."""
    settings = {"TOKEN_SECRET": SECRET, "ANTHROPIC_API_KEY": "", "TOKEN_ACCEPT_UNRECORDED": "true"}
    settings["STORED_OBJECTS"] = "shared"  # one tenant, as there: lists of files are the vendor's
    directory = tmp_path_factory.mktemp("golden")
    process = GatewayProcess(template, directory, upstream.url, request.param, settings)
    (directory / "claude" / "credentials.json").write_text(json.dumps({"accessToken": CREDENTIAL}))
    with process:
        yield process


def content(body) -> bytes:
    """Return the bytes that a body of the recording stands for."""
    if isinstance(body, str):
        return body.replace("<MESSAGE>", MESSAGE).encode()
    if "base64" in body:
        return base64.b64decode(body["base64"])
    parts = [part if isinstance(part, str) else part["repeat"] * part["times"] for part in body["text"]]
    return "".join(parts).encode()


def recorded_answer(told) -> Answer:
    if told == "connection closed":
        return Answer(raw_head=b"", parts=[CUT], framing="none")
    if "chunks" not in told:
        return Answer(told["status"], told["headers"], [content(told["body"])])
    parts = [
        RESET if part == "ABORT" else part.encode() if isinstance(part, str) else part
        for part in told["chunks"]
    ]
    return Answer(told["status"], told["headers"], parts, "chunked")


def token(exp: int = 4102444800) -> str:
    claims = {"sub": "00000000-0000-4000-8000-000000000001", "iat": 1700000000, "exp": exp, "label": "golden"}
    return "la_sk_" + jwt.encode(claims, SECRET, "HS256")


def filled(value: str, golden) -> str:
    """Return a recorded header value with today's tokens and ports in it."""
    now = int(time.time())
    value = value.replace("<TOKEN>", token()).replace("<ROUTER>", f"127.0.0.1:{golden.port}")
    value = value.replace("<TOKEN exp=now-58>", token(now - 58)).replace(
        "<TOKEN exp=now-62>", token(now - 62)
    )
    if "<ISSUED TOKEN>" in value:
        issued = golden.issue("revoked")
        golden.admin("POST", "/api/tokens/revoke", {"id": issued.id})
        value = value.replace("<ISSUED TOKEN>", issued.secret)
    return value


def replay(golden, exchange):
    request = exchange["request"]
    headers = [(name, filled(value, golden)) for name, value in request["headers"]]
    lines = [
        f"{request['method']} {request['path']} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers),
    ]
    raw = "\r\n".join(lines).encode() + b"\r\n\r\n"
    is_chunked = ("transfer-encoding", "chunked") in headers
    with RawClient(golden.port) as client:
        client.send(
            raw + (b"5\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n" if is_chunked else content(request["body"]))
        )
        return client.response(request["method"])


# --- what differs in every exchange


NOT_UP = {"expect", "cookie", "te", "trailer", "upgrade", "forwarded", "via", "x-hop", "proxy-authorization"}
NOT_DOWN = {"x-hop", "set-cookie", "anthropic-organization-id", "server", "via", "strict-transport-security"}
NOT_DOWN |= {"trailer", "upgrade", "proxy-authenticate", "te"}
NOT_DOWN |= {"anthropic-ratelimit-requests-remaining"}  # of the account, which many share
OUR_OWN = {"x-gateway-request-id", "x-accel-buffering", "date"}


def expected_up(exchange) -> list[tuple[str, str]]:
    """Return the recorded headers, less what is private or of one hop only, with repeated ones repeated.

    The reference invents `accept: */*`, collapses repeated headers, and adds neither version nor OAuth beta.
    """
    sent = [(name.lower(), value) for name, value in exchange["request"]["headers"]]
    names = {name for name, _ in sent}
    seen = [(name, value) for name, value in exchange["upstream_saw"]["headers"] if name not in NOT_UP]
    seen = [pair for pair in seen if not pair[0].startswith("x-forwarded-") and pair[0] != "anthropic-beta"]
    seen = [pair for pair in seen if pair[0] != "accept" or "accept" in names]
    betas = [value for name, value in sent if name == "anthropic-beta"] or [""]
    betas[-1] = f"{betas[-1]},{BETA}".lstrip(",")
    seen += [("anthropic-beta", value) for value in betas]
    if "anthropic-version" not in names:
        seen.append(("anthropic-version", "2023-06-01"))
    if '"stream":true' in str(exchange["request"]["body"]):
        seen.append(("accept-encoding", "identity"))
    return sorted(seen)


def expected_down(exchange) -> list[tuple[str, str]]:
    """Return the recorded headers, less what is private or of one hop only; repeated ones repeated."""
    recorded = [(name, value) for name, value in exchange["response"]["headers"] if name not in NOT_DOWN]
    answered = exchange["upstream_answered"]["headers"]
    repeated = [(name, value) for name, value in answered if name == "vary"]
    return sorted([pair for pair in recorded if pair[0] != "vary"] + repeated)


def check_upstream(golden, upstream, exchange) -> None:
    recorded = exchange["upstream_saw"]
    assert len(upstream.seen) == 1
    seen = upstream.last
    assert seen.method == recorded["method"]
    assert seen.target == recorded["path"].encode()
    assert seen.body == content(recorded["body"])
    headers = [(name.lower().decode(), value.decode()) for name, value in seen.headers]
    headers = [(name, value.replace(f"127.0.0.1:{upstream.port}", "<UPSTREAM>")) for name, value in headers]
    assert sorted(headers) == expected_up(exchange)


def check_same(golden, upstream, exchange, answer) -> None:
    recorded = exchange["response"]
    assert answer.status == recorded["status"]
    if exchange["upstream_saw"] is None:
        ours, theirs = answer.json()["error"], json.loads(recorded["body"])["error"]
        assert (ours["type"], ours["message"]) == (theirs["type"], theirs["message"])
        assert upstream.seen == []
        return
    check_upstream(golden, upstream, exchange)
    assert answer.body == content(recorded["body"])
    headers = sorted(pair for pair in answer.headers if pair[0] not in OUR_OWN)
    assert headers == expected_down(exchange)


def check_deviation(upstream, answer, expected) -> None:
    assert answer.status == expected["status"]
    if "type" in expected:
        error = answer.json()["error"]
        assert error["type"] == expected["type"]
        assert error["message"].startswith(expected.get("message", ""))
        assert str(upstream.port) not in error["message"]
    if expected["status"] >= 400:
        assert bool(upstream.seen) is expected.get("reaches", False)
    if expected.get("ends_with_error"):
        assert b"event: error\n" in answer.body
        assert not answer.is_cut


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_an_exchange_of_the_reference(golden, upstream, exchange):
    upstream.reset()
    if exchange["upstream_answered"] is not None:
        upstream.say(recorded_answer(exchange["upstream_answered"]))
    elif exchange["name"] in DEVIATIONS:
        upstream.say(Answer(200, [("content-type", "application/json")], [b"{}"]))
    answer = replay(golden, exchange)
    try:
        if exchange["name"] in DEVIATIONS:
            check_deviation(upstream, answer, DEVIATIONS[exchange["name"]][1])
        else:
            check_same(golden, upstream, exchange, answer)
    finally:
        golden.clear_accounts()


def test_every_deviation_has_its_exchange():
    names = {param.values[0]["name"] for param in EXCHANGES}
    assert set(DEVIATIONS) <= names


@pytest.mark.parametrize(
    ("base", "arrives"),
    [
        ("{url}///", b"/v1/messages"),
        ("{url}/base", b"/base/v1/messages"),
        ("{url}/base/", b"/base/v1/messages"),
    ],
)
def test_base_urls(template, upstream, tmp_path, base, arrives):
    upstream.reset()
    upstream.say(Answer(200, [("content-type", "application/json")], [b"{}"]))
    url = base.replace("{url}", upstream.url)
    with GatewayProcess(template, tmp_path / "gateway", url, "uvicorn") as gateway:
        gateway.token = gateway.issue()
        assert gateway.messages(b"{}").status == 200
    assert upstream.last.target == arrives
