"""Gonka: through a broker with a bearer key, at its nodes with signed calls, or as the Rust router calls it.

Chat Completions in every mode; the nodes know nothing else. Discovery, signatures and the other nodes are the
transport's (`providers/gonka/`); here a call gets its form, and answers their meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import httpx
import orjson

from providers.credentials.base import Draft
from providers.credentials.gonka_hash import GonkaHash
from providers.credentials.secp256k1 import signer
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.openai_errors import read_failure
from providers.dialects.types import Failure, FailureKind, Refused, WireAnswer, WireRequest
from providers.drivers.base import Outcome, RouteOption, Scope, UpstreamEnvelope, Verdict
from providers.drivers.http import base_of
from providers.drivers.openai_compatible import CHAT, NATIVE, ONLY, RESPONSES, OpenAiCompatibleDriver
from providers.errors import ForeignUrl
from providers.gonka.envelope import GonkaEnvelope
from providers.gonka.modes import BROKER, OPTIONS, REFERENCE, SIGNED, is_private_key, problem
from providers.gonka.transport import PLAN, GonkaTransport
from providers.gonka.tries import Plan
from providers.gonka.words import BUSY, OPERATOR_CODES
from providers.upstream import Upstream

JSON = (b"content-type", b"application/json")
BROKER_ADVICE = {
    401: "check GONKA_BROKER_API_KEY, or the key stored with this provider",
    402: "top up the balance at the broker",
    403: "check what the broker allows this key",
    404: "check GONKA_BROKER_URL, or this provider's base URL: it usually ends in /v1",
}


class GonkaDriver(OpenAiCompatibleDriver):
    """The driver of Gonka. It holds the transport of its event loop."""

    kind = "gonka"
    label = "Gonka"
    words: tuple[str, ...] = ()
    forwards = False
    needs_credential = True
    envelope: UpstreamEnvelope | None = GonkaEnvelope()
    options: Mapping[str, str] = OPTIONS

    def __init__(self) -> None:
        self._transport: GonkaTransport | None = None

    def problem(self, options: Mapping[str, str], key: str) -> tuple[str, str] | None:
        """Check mode, nodes and private key."""
        return problem(options, key)

    def identity(self, options: Mapping[str, str], key: str) -> str:
        """Return the address that a private key signs as."""
        if options.get("mode") != SIGNED or not is_private_key(key):
            return ""
        return f"signs as {signer(key).address}"

    def trial(self, model: str) -> WireRequest | None:
        """Ask for one token: lists of models are open to everybody here."""
        body = {"model": model, "messages": [{"role": "user", "content": "ping"}], "max_tokens": 1}
        return WireRequest("POST", b"/v1/chat/completions", b"", (JSON,), orjson.dumps(body))

    def advice(self, options: Mapping[str, str], status: int) -> str:
        """Name what a broker judges by; what nodes refuse is told by the transport."""
        return BROKER_ADVICE.get(status, "") if options.get("mode", BROKER) == BROKER else ""

    def is_verbatim(self, options: Mapping[str, str]) -> bool:
        """Add nothing where the Rust router adds nothing."""
        return options.get("mode") == REFERENCE

    def dialects(self, responses: str, surface: str) -> Sequence[RouteOption]:
        """Speak Chat Completions; Responses only to a provider that is said to have them: no node does."""
        if responses == ONLY or (responses == NATIVE and surface == RESPONSES.dialect):
            return (RESPONSES,)
        return (CHAT,)

    def build(self, upstream: Upstream, request: WireRequest, now: float) -> httpx.Request:
        """See `providers.drivers.base.Driver`. A signed call gets its URL and signature from the transport."""
        mode = upstream.options.get("mode", BROKER)
        if mode == REFERENCE:
            return _as_the_rust_router(upstream, request, now)
        plan = Plan(
            upstream.base_url,
            upstream.options.get("endpoints", ""),
            upstream.credential,
            is_signed=mode == SIGNED,
            needs_model=request.method == "POST" and upstream.model is None,
        )
        if not plan.is_signed:
            built = super().build(upstream, request, now)
            if plan.needs_model:
                built.extensions[PLAN] = plan
            return built
        if not request.path.startswith(b"/"):
            raise ForeignUrl("the path does not start with a slash")
        return httpx.Request(
            request.method,
            base_of(upstream.base_url)[0],
            headers=[JSON] if request.body else [],
            stream=httpx.ByteStream(request.body),
            extensions={"target": request.path, "proxy": upstream.proxy, PLAN: plan},
        )

    def classify(self, seen: WireAnswer | Failure, now: float) -> Verdict:
        """Return the verdict on an answer; what an operator must mend is told each time, without any cooldown.

        Nor does a network without capacity put the key on cooldown, unless it names a time: that passes in a moment.
        """
        verdict = super().classify(seen, now)
        if not isinstance(seen, WireAnswer) or seen.status < 400:
            return verdict
        failure = read_failure(seen.status, seen.headers, seen.body)
        if failure.code in OPERATOR_CODES or failure.kind is FailureKind.BILLING:
            return Verdict(Outcome.RETRY_OTHER, Scope.REQUEST, needs_operator=True, reason=failure.message)
        if failure.code == BUSY or (failure.kind is FailureKind.RATE_LIMIT and verdict.until is None):
            return Verdict(Outcome.RETRY_OTHER, Scope.REQUEST, reason=failure.message)
        return verdict

    def transport(self, shared: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """Put discovery, signatures and failover over nodes on top of the shared one."""
        self._transport = GonkaTransport(shared)
        return self._transport

    async def aclose(self) -> None:
        """Stop looking for nodes."""
        if self._transport is not None:
            await self._transport.aclose()


def _as_the_rust_router(upstream: Upstream, request: WireRequest, now: float) -> httpx.Request:
    """Build the request that the Rust router sends, byte for byte: sorted JSON, six headers, no query."""
    url, prefix = base_of(upstream.base_url)
    body = _sorted(request.body, upstream.model or "") if request.method == "POST" else b""
    draft = Draft(request.method, url, prefix + request.path, [JSON], body)
    GonkaHash(request.path).apply(draft, upstream.credential, now)
    draft.headers += [(b"accept", b"*/*"), (b"host", url.netloc)]
    if request.method == "POST":
        draft.headers.append((b"content-length", b"%d" % len(body)))
    return httpx.Request(
        draft.method,
        url,
        headers=draft.headers,
        stream=httpx.ByteStream(body),
        extensions={"target": draft.target, "proxy": upstream.proxy},
    )


def _sorted(body: bytes, model: str) -> bytes:
    """Return a body as the Rust router writes it. Raises `Refused`: over a body that is no object it breaks down."""
    try:
        document = tolerant(orjson.loads, body)
    except UNREADABLE:
        document = ""
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise Refused(Failure(FailureKind.INVALID_REQUEST, "the request body must be a JSON object"))
    named = document.get("model")
    if not isinstance(named, str) or not named:
        document["model"] = model
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
