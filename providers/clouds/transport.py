"""Send calls to clouds: signed or with a token, once more where another credential or clock helps.

Answers come out as Anthropic's: frames become server-sent events, errors get sentences of ours, counts their name. What
the cloud has said stands in the log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from email.utils import parsedate_to_datetime

import httpx
import msgspec
import orjson

from gateway.kernel.redaction import redact
from providers.client import as_they_are, headers_of
from providers.clouds import errors
from providers.clouds.frames import Frames
from providers.clouds.keyring import Keyring
from providers.clouds.sources import NoCredential, Proof
from providers.clouds.traces import TracedEvents, without_ids
from providers.credentials.base import Draft
from providers.credentials.sigv4 import Place, sign
from providers.dialects.types import WireAnswer, header
from providers.upstream import CredentialKind, Upstream
from providers.words import CLEAN_EVENT, MAX_WORDS_BYTES, SHOWN, heard

logger = logging.getLogger(__name__)

ORDER = "cloud_order"
"""Of a request's extensions: the `Order` that it is."""
NO_CREDENTIAL = "The gateway has no credential for this provider."
MISFIT = "The provider's count is none."
MAX_TRACED_BYTES = 32 * 1024 * 1024
FRAMES, EVENTS, PLAIN = b"application/vnd.amazon.eventstream", b"text/event-stream", b"application/json"
LOOKED_FOR = (CredentialKind.AWS, CredentialKind.GOOGLE, CredentialKind.AZURE)
"""Credentials that name a source."""


class Order(msgspec.Struct, frozen=True):
    """One call, but for its credential where that must be looked for."""

    draft: Draft
    upstream: Upstream
    service: str  # AWS's name of it
    region: str
    is_looked_for: bool = False  # the credential names a source, rather than being one
    is_count: bool = False
    is_aws_count: bool = False  # whose answer has a form of its own
    is_traced: bool = False  # what its guardrail did stands in the answer

    @property
    def place(self) -> str:
        """Return provider and account, for the log."""
        upstream = self.upstream
        return f"provider {upstream.provider}" + (f", account {upstream.account}" if upstream.account else "")

    @property
    def hidden(self) -> tuple[str, ...]:
        """Return what no answer may name."""
        options = self.upstream.options
        return tuple(options[name] for name in ("project", "workspace") if name in options)


class CloudTransport(httpx.AsyncBaseTransport):
    """For one kind and one event loop, over the shared transport."""

    def __init__(
        self,
        shared: httpx.AsyncBaseTransport,
        keyring: Keyring | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._shared = shared
        self._keyring = keyring or Keyring()
        self._clock = clock
        self._offset_seconds = 0.0  # of the cloud's clock to ours, once it has complained

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        order: Order = request.extensions[ORDER]
        proof: Proof = ""
        if order.is_looked_for:
            upstream = order.upstream
            asked = upstream.credential, order.region, upstream.proxy
            try:
                ready = self._keyring.ready(*asked)
                proof = await self._keyring.proof(*asked) if ready is None else ready
            except NoCredential as exc:
                logger.warning("%s: no credential: %s", order.place, redact(str(exc)))
                return _whole(errors.made(503, errors.API, NO_CREDENTIAL), request)
            shown = self._show(order, request, proof)
            response = await self._shared.handle_async_request(request)
            response.extensions[SHOWN] = shown
        else:
            response = await self._shared.handle_async_request(request)
        if response.status_code < 400:
            passes = self._passes(order, response)
            return response if passes else await self._rewritten(order, request, response)
        answer = await _read(response)
        words = errors.read(answer)
        again = await self._again(order, answer, words, proof) if order.is_looked_for else None
        if again is not None:
            shown = self._show(order, request, again)
            response = await self._shared.handle_async_request(request)
            response.extensions[SHOWN] = shown
            if response.status_code < 400:
                passes = self._passes(order, response)
                return response if passes else await self._rewritten(order, request, response)
            answer = await _read(response)
            words = errors.read(answer)
        said = redact(f"{words.name} {words.message}"[:1000])
        logger.warning("%s answered %d: %s", order.place, answer.status, said)
        return _whole(errors.told(answer, words, order.hidden, is_count=order.is_count), request)

    def _show(self, order: Order, request: httpx.Request, proof: Proof) -> str:
        """Sign the request, or give it its token; return the secret that it shows now, if any."""
        headers = list(order.draft.headers)
        if isinstance(proof, str):
            redact.learn(proof)
            headers.append((b"authorization", b"Bearer " + proof.encode()))
            shown = proof
        else:
            now = self._clock() + self._offset_seconds
            sign(headers, order.draft, proof, Place(order.service, order.region), now)
            shown = proof.token or ""
        request.headers = as_they_are(headers)
        return shown

    async def _again(
        self, order: Order, answer: WireAnswer, words: errors.Words, proof: Proof
    ) -> Proof | None:
        """Return what to send the call with once more; None: that would not help."""
        upstream = order.upstream
        is_aws = upstream.credential.kind is CredentialKind.AWS
        if is_aws and answer.status == 403 and words.is_skewed and not words.is_expired:
            return proof if self._has_set_clock(answer) else None
        if (is_aws and answer.status in (400, 403) and words.is_expired) or (
            not is_aws and answer.status == 401
        ):
            return await self._keyring.renewed(upstream.credential, order.region, upstream.proxy, proof)
        return None

    def _has_set_clock(self, answer: WireAnswer) -> bool:
        """Set the clock of signatures by the cloud's, which every answer tells."""
        try:
            told = parsedate_to_datetime((header(answer.headers, b"date") or b"").decode("latin-1"))
        except ValueError:
            return False
        self._offset_seconds = told.timestamp() - self._clock()
        logger.warning("The clock here is %.0f seconds away from AWS's", -self._offset_seconds)
        return True

    @staticmethod
    def _passes(order: Order, response: httpx.Response) -> bool:
        """Tell whether a good answer goes on as it is, without the headers that speak of the cloud."""
        kind, has_hidden, hidden = b"", False, errors.HIDDEN
        for name, value in (headers := headers_of(response)):
            if name == b"content-type":
                kind = value
            elif hidden[name]:
                has_hidden = True
        if has_hidden:
            response.headers = as_they_are(errors.forwarded(headers))
        if kind == PLAIN:
            return not (order.is_aws_count or order.is_traced)
        kind = kind.strip().lower()
        if kind.startswith(EVENTS):
            response.extensions[CLEAN_EVENT] = errors.clean_event
            if order.is_traced:
                response.stream = TracedEvents(response.stream)  # type: ignore[arg-type]
            return True
        return not (order.is_aws_count or kind.startswith(FRAMES))

    async def _rewritten(
        self, order: Order, request: httpx.Request, response: httpx.Response
    ) -> httpx.Response:
        """Return frames as events, a count by its name."""
        kind = (header(headers_of(response), b"content-type") or b"").strip().lower()
        if kind.startswith(FRAMES):
            return await self._framed(order, request, response)
        return await (_counted if order.is_aws_count else _untraced)(request, response)

    async def _framed(self, order: Order, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        """Return frames as events; an exception that comes first is a refusal."""
        body: httpx.AsyncByteStream = response.stream  # type: ignore[assignment]
        events = FramedEvents(body, order.place)
        try:
            await events.begin()
        except BaseException:
            await body.aclose()
            raise
        if (refusal := events.frames.refusal) is not None:
            await events.aclose()
            events.log()
            return _whole(errors.made(*refusal), request)
        kept = [pair for pair in headers_of(response) if pair[0] not in (b"content-type", b"content-length")]
        response.headers = as_they_are([*kept, (b"content-type", EVENTS)])
        response.stream, response.extensions[CLEAN_EVENT] = events, None
        return response


class FramedEvents(httpx.AsyncByteStream):
    """Frames as events, each as soon as it is whole."""

    def __init__(self, body: httpx.AsyncByteStream, place: str) -> None:
        self.frames = Frames()
        self._body = body
        self._place = place
        self._chunks = aiter(body)
        self._first = b""

    async def begin(self) -> None:
        """Read to the first event."""
        while not self._first and not self.frames.is_over:
            chunk = await anext(self._chunks, None)
            self._first = self.frames.finish() if chunk is None else self.frames.feed(chunk)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        frames, feed = self.frames, self.frames.feed
        if self._first:
            yield self._first
        if not frames.is_over:
            async for chunk in self._chunks:
                if data := feed(chunk):
                    yield data
                if frames.is_over:
                    break
        if data := frames.finish():
            yield data
        self.log()

    def log(self) -> None:
        """Tell the operator what ended the stream, if anything did."""
        name, message = self.frames.words
        if name:
            logger.warning("%s ended its stream: %s", self._place, redact(f"{name} {message}"[:1000]))

    async def aclose(self) -> None:
        await self._body.aclose()


async def _counted(request: httpx.Request, response: httpx.Response) -> httpx.Response:
    answer = await _read(response)
    try:
        count = orjson.loads(answer.body)["inputTokens"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return _whole(errors.made(502, errors.API, MISFIT), request)
    return _whole(WireAnswer(200, (errors.JSON,), orjson.dumps({"input_tokens": count})), request)


async def _untraced(request: httpx.Request, response: httpx.Response) -> httpx.Response:
    """Return a whole answer without ids in what its guardrail did."""
    answer = await _read(response, MAX_TRACED_BYTES)
    if len(answer.body) > MAX_TRACED_BYTES:
        raise httpx.RemoteProtocolError("the answer is too large")
    kept = tuple([pair for pair in answer.headers if pair[0] != b"content-length"])
    told = _whole(WireAnswer(answer.status, kept, without_ids(answer.body)), request)
    told.extensions[SHOWN] = response.extensions.get(SHOWN, "")
    return told


async def _read(response: httpx.Response, limit: int = MAX_WORDS_BYTES) -> WireAnswer:
    """Return an error, a count or a traced answer, decoded, its end cut where it is too long; the answer is closed."""
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in response.stream:  # type: ignore[union-attr]
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                break
    finally:
        await response.aclose()
    return heard(WireAnswer(response.status_code, headers_of(response), b"".join(pieces))).plain


def _whole(answer: WireAnswer, request: httpx.Request) -> httpx.Response:
    return httpx.Response(
        answer.status,
        headers=list(answer.headers),
        stream=httpx.ByteStream(answer.body),
        extensions={"reason_phrase": b""},
        request=request,
    )
