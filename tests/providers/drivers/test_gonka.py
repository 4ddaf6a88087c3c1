"""Gonka's calls in each mode, those of the Rust router byte for byte, and what its refusals mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.config.table import Options
from providers.dialects.table import DIALECTS
from providers.dialects.types import (
    Call,
    Failure,
    FailureKind,
    Headers,
    Refused,
    Target,
    WireAnswer,
    WireRequest,
)
from providers.drivers.base import Outcome, Scope, Verdict
from providers.drivers.gonka import GonkaDriver
from providers.gonka.modes import REFERENCE_MODEL, model_of
from providers.gonka.transport import PLAN, GonkaTransport
from providers.translation.pairs.table import PAIRS
from providers.upstream import Credential, CredentialKind, Upstream
from tests.fakes.sealer import PlainSealer

RECORDED = json.loads((Path(__file__).parent / "gonka_reference.json").read_text())
DRIVER = GonkaDriver()
NOW = 1_800_000_000.0
CHAT = b"/v1/chat/completions"
HOST = "upstream.test:8123"


def to(
    mode: str | None, base_url: str = "https://h/v1", model: str | None = "m", key: str = "k", **more: str
) -> Upstream:
    options = {"mode": mode, **more} if mode else dict(more)
    return Upstream(
        "gonka", "gonka", base_url, "", Credential(CredentialKind.API_KEY, key), model, options=options
    )


def built(
    upstream: Upstream, body: bytes = b"{}", headers: Headers = (), query: bytes = b""
) -> httpx.Request:
    return DRIVER.build(upstream, WireRequest("POST", CHAT, query, headers, body), NOW)


def sent(request: httpx.Request) -> bytes:
    return b"".join(request.stream)  # type: ignore[arg-type]


def translated(path: str, body: str, headers: Headers, model: str) -> WireRequest:
    """Return what the relay makes of a call that stays in its dialect."""
    name, _, query = path.partition("?")
    dialect = "openai_responses" if name == "/v1/responses" else "openai_chat"
    described, data = DIALECTS[dialect], body.encode()
    fields = described.read_call(data)
    if described.asks_for_stream is not None and described.asks_for_stream(query.encode()):
        fields = fields.streamed()
    call = Call(dialect, "POST", name.encode(), query.encode(), headers, data, fields)
    inner = PAIRS[dialect, dialect](lambda prefix: prefix, 1, PlainSealer())
    target = Target(fields.model or model or None, is_verbatim=DRIVER.is_verbatim({"mode": "reference"}))
    assert DRIVER.envelope is not None
    return DRIVER.envelope.wrap(inner).request(call, target)


@pytest.mark.parametrize("exchange", RECORDED, ids=lambda one: one["name"])
def test_the_rust_router_s_requests_byte_for_byte(exchange: dict[str, Any]) -> None:
    settings = exchange["settings"]
    model = model_of(Options(GONKA_MODEL=settings.get("GONKA_MODEL"), GONKA_PRIVATE_KEY="x"))
    headers = tuple((name.encode(), value.encode()) for name, value in exchange["headers"])
    request = translated(exchange["path"], exchange["body"], headers, model)
    base = settings["GONKA_SOURCE_URL"].replace("<UPSTREAM>", HOST).rstrip("/")
    named = model if model == "" else json.loads(exchange["seen"]["body"])["model"]
    seen = exchange["seen"]
    recorded = [(name, value.replace("<UPSTREAM>", HOST)) for name, value in seen["headers"]]
    now = float(dict(recorded)["x-gonka-timestamp"])
    out = DRIVER.build(to("reference", base, named, settings["GONKA_PRIVATE_KEY"]), request, now + 0.5)
    assert sent(out) == seen["body"].encode()
    assert out.extensions["target"] == seen["target"].encode()
    assert [(name.decode(), value.decode()) for name, value in out.headers.raw] == recorded


def test_there_are_recorded_requests() -> None:
    assert len(RECORDED) == 25 and sum(REFERENCE_MODEL in one["seen"]["body"] for one in RECORDED) >= 4


@pytest.mark.parametrize("body", [b"[1]", b'"x"', b"5", b"{", b""])
def test_a_body_that_is_no_object_is_refused_where_the_rust_router_breaks_down(body: bytes) -> None:
    with pytest.raises(Refused):
        built(to("reference"), body)


def test_a_broker_is_called_as_any_openai_compatible_server() -> None:
    request = built(to("broker"), b'{"model":"m",  "x":1.0}', ((b"x-client", b"1"),))
    assert request.extensions["target"] == CHAT and PLAN not in request.extensions
    assert sent(request) == b'{"model":"m",  "x":1.0}'
    assert request.headers["authorization"] == "Bearer k" and "x-client" not in request.headers
    assert built(to(None)).headers["authorization"] == "Bearer k"


@pytest.mark.parametrize("mode", ["broker", "signed"])
def test_a_call_without_a_model_is_left_to_the_transport(mode: str) -> None:
    assert built(to(mode, model=None)).extensions[PLAN].needs_model
    assert mode == "broker" or not built(to(mode)).extensions[PLAN].needs_model


def test_a_signed_call_is_left_to_the_transport_with_its_bytes() -> None:
    request = built(
        to("signed", endpoints="https://a;gonka1a"), b'{ "model":"m"}', ((b"x-client", b"1"),), b"a=1"
    )
    plan = request.extensions[PLAN]
    assert (plan.is_signed, plan.endpoints, plan.source) == (True, "https://a;gonka1a", "https://h/v1")
    assert (sent(request), request.extensions["target"]) == (b'{ "model":"m"}', CHAT)
    assert request.headers.raw == [(b"content-type", b"application/json")]
    assert "CANARY" not in repr(plan)


@pytest.mark.parametrize(
    ("responses", "surface", "dialect"),
    [
        ("auto", "openai_responses", "openai_chat"),
        ("translate", "anthropic", "openai_chat"),
        ("native", "openai_responses", "openai_responses"),
        ("native", "openai_chat", "openai_chat"),
        ("only", "anthropic", "openai_responses"),
    ],
)
def test_every_surface_is_carried_over_chat(responses: str, surface: str, dialect: str) -> None:
    assert [option.dialect for option in DRIVER.dialects(responses, surface)] == [dialect]


def refused(status: int, code: str | None = None) -> Verdict:
    body = json.dumps({"error": {"message": "m", "type": "server_error", "code": code}}).encode()
    return DRIVER.classify(WireAnswer(status, ((b"content-type", b"application/json"),), body), NOW)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((502, f"gonka_{word}") for word in ("gone", "clock", "key", "nodes")),
        (402, "insufficient_quota"),
        (402, None),
    ],
)
def test_what_an_operator_must_mend_puts_nothing_on_cooldown(status: int, code: str | None) -> None:
    verdict = refused(status, code)
    assert (verdict.outcome, verdict.scope, verdict.needs_operator) == (
        Outcome.RETRY_OTHER,
        Scope.REQUEST,
        True,
    )


def test_other_answers_mean_what_they_mean_everywhere() -> None:
    assert refused(502).scope is Scope.PROVIDER
    assert refused(400).outcome is Outcome.GIVE_UP
    assert DRIVER.classify(WireAnswer(200, ()), NOW).outcome is Outcome.OK
    assert DRIVER.classify(Failure(FailureKind.UPSTREAM, "x"), NOW).scope is Scope.PROVIDER


def test_a_network_without_capacity_is_no_outage() -> None:
    for verdict in (refused(429), refused(429, "gonka_busy")):
        assert (verdict.outcome, verdict.scope, verdict.until) == (Outcome.RETRY_OTHER, Scope.REQUEST, None)
    body, wait = b'{"error":{"message":"slow down"}}', (b"retry-after", b"9")
    assert DRIVER.classify(WireAnswer(429, (wait,), body), NOW).until == NOW + 9
    busy = b'{"error":{"message":"slow down","code":"gonka_busy"}}'
    assert DRIVER.classify(WireAnswer(429, (wait,), busy), NOW).until is None


async def test_each_set_of_drivers_has_a_transport_of_its_own() -> None:
    driver, shared = GonkaDriver(), httpx.MockTransport(lambda request: httpx.Response(200))
    made = driver.transport(shared)
    assert isinstance(made, GonkaTransport) and made is not GonkaDriver().transport(shared)
    await driver.aclose()
    await GonkaDriver().aclose()
