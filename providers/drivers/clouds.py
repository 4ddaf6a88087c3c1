"""What the clouds that sell Anthropic's models have in common: the Messages form, their own credentials and errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

import httpx
import orjson

from providers.client import request_to
from providers.clouds import errors
from providers.clouds.envelope import CloudEnvelope
from providers.clouds.names import Names
from providers.clouds.sources import is_installed
from providers.clouds.transport import LOOKED_FOR, NO_CREDENTIAL, ORDER, CloudTransport, Order
from providers.credentials.base import Draft
from providers.dialects.envelopes import COUNT_TOKENS, MESSAGES
from providers.dialects.types import WireAnswer, WireRequest
from providers.drivers.anthropic import (
    BEDROCK_HEADERS,
    CREDENTIAL_HEADERS,
    FORBIDDEN_SECONDS,
    TRANSPORT_HEADERS,
    VERSION,
    AnthropicDriver,
)
from providers.drivers.base import BASE_URL, Outcome, QuotaWindow, Scope, UpstreamEnvelope, Verdict
from providers.drivers.http import base_of
from providers.errors import ForeignUrl
from providers.http1.pinned_url import PinnedUrl
from providers.upstream import Upstream

REFUSED_SECONDS = 60.0
UNFOUND_SECONDS = 15.0
VERSION_NAME = b"anthropic-version"
JSON = (b"content-type", b"application/json")
VENDOR_HEADERS = (b"anthropic-workspace-id", b"x-amzn-bedrock-accept", b"x-amzn-bedrock-content-type")


class CloudDriver(AnthropicDriver):
    """The driver of a cloud. A kind says its fields, its URLs and how a call is written."""

    words: tuple[str, ...] = ()
    lists_models = False
    list_query = b""
    has_native_paths = False
    takes_callers_login = False
    needs_credential = False
    needs_base_url = False
    has_models_path = False
    envelope: UpstreamEnvelope | None = CloudEnvelope(takes_tags=True)
    base = ""
    """The base URL of rows without one."""
    required: tuple[str, ...] = ()
    extra: tuple[str, str] | None = None
    """The extra with which its library is installed, and the library."""
    service = ""
    trace = b""  # the header with which a caller asks for what a guardrail did

    def problem(self, options: Mapping[str, str], key: str) -> tuple[str, str] | None:
        """Check that what its URLs are made of is there, and the library."""
        for name in self.required:
            if not options.get(name):
                return name, f"{name} is required"
        if self.extra is not None and not is_installed(self.extra[1]):
            return "kind", f"kind {self.kind} needs a library: pip install '.[{self.extra[0]}]'"
        return None

    def trial(self, model: str) -> WireRequest | None:
        """Ask for one token: clouds have no list of models in this form."""
        body = {"model": model, "messages": [{"role": "user", "content": "ping"}], "max_tokens": 1}
        return WireRequest("POST", b"/v1/messages", b"", (JSON,), orjson.dumps(body))

    def place(self, base_url: str, options: Mapping[str, str], region: str = "") -> str:
        """Put the region into the row's URL, or into the cloud's own."""
        region = region or options.get("region", "")
        return (base_url or self.base).replace("{region}", region)

    def id_of(self, model: str, model_ids: Mapping[str, str], options: Mapping[str, str]) -> str:
        """Look the name up among the row's own ids."""
        return model_ids.get(model) or self.shipped(model, options)

    def shipped(self, model: str, options: Mapping[str, str]) -> str:
        """Return the name itself."""
        return model

    def __init__(self) -> None:
        # Callers choose names of headers; of what is asked for again and again the answers are kept.
        self._drops = Names(self.is_dropped)
        self._drops_written = Names(lambda name: name == VERSION_NAME or self.is_dropped(name))
        self._based = lru_cache(maxsize=256)(self._base_of)

    def headers(self, upstream: Upstream, request: WireRequest) -> list[tuple[bytes, bytes]]:
        """Return the caller's and the operator's, without what belongs to another way of calling."""
        is_written = not request.path.endswith((MESSAGES, COUNT_TOKENS))  # the version stands in the body
        drops = self._drops_written if is_written else self._drops
        told: Iterable[tuple[bytes, bytes]] = request.headers
        if upstream.headers:
            extra = [(name.lower().encode(), value.encode()) for name, value in upstream.headers.items()]
            extra = [pair for pair in extra if pair[0] not in BEDROCK_HEADERS]
            names = {name for name, _ in extra}
            told = [*[pair for pair in told if pair[0] not in names], *extra]
        kept = [pair for pair in told if not drops[pair[0]]]
        has_version, has_type = is_written, False
        for name, _ in kept:
            if name == b"content-type":
                has_type = True
            elif name == VERSION_NAME:
                has_version = True
        if not has_version:
            kept.append((VERSION_NAME, VERSION))
        if not has_type:
            kept.append(JSON)
        return kept

    def is_dropped(self, name: bytes) -> bool:
        """Tell whether a header is of the connection, a credential, or another cloud's."""
        is_own = name in CREDENTIAL_HEADERS or name in TRANSPORT_HEADERS or name in VENDOR_HEADERS
        return is_own or name.startswith((b"x-amz-", b"x-amzn-", b"x-goog-", b"x-ms-"))

    def written(self, upstream: Upstream, request: WireRequest, region: str) -> WireRequest:
        """Return the call in the cloud's form."""
        return request

    def _base_of(self, base_url: str, region: str, api: str) -> tuple[PinnedUrl, bytes]:
        """Return the URL and the path that calls begin with: all that they depend on, for they are kept."""
        return base_of(self.place(base_url, {"region": region, "api": api}, region))

    def build(self, upstream: Upstream, request: WireRequest, now: float) -> httpx.Request:
        """See `Driver`. What must be looked for is put in by the transport."""
        credential, options = upstream.credential, upstream.options
        region = credential.region or options.get("region", "")
        base_url = options.get(BASE_URL, upstream.base_url)
        url, prefix = self._based(base_url, region, options.get("api", ""))
        if not request.path.startswith(b"/"):
            raise ForeignUrl("the path does not start with a slash")
        told = self.written(upstream, request, region)
        target = prefix + told.path + b"?" + told.query if told.query else prefix + told.path
        draft = Draft(told.method, url, target, self.headers(upstream, told), told.body)
        strategy = self.strategies.get(credential.kind)
        if strategy is not None:
            strategy.apply(draft, credential, now)
        is_looked_for = strategy is None and credential.kind in LOOKED_FOR
        is_count = request.path == COUNT_TOKENS
        order = Order(
            draft,
            upstream,
            self.service_of(upstream) if is_looked_for else "",
            region,
            is_looked_for,
            is_count and bool(self.service),
            is_count and told.path.startswith(b"/model/"),
            bool(self.trace) and self.trace in dict(draft.headers),
        )
        extensions = {"target": target, "proxy": upstream.proxy, ORDER: order}
        return request_to(url, draft.method, draft.headers, draft.body, extensions)

    def service_of(self, upstream: Upstream) -> str:
        """Return the service for which AWS checks a signature."""
        return self.service

    def refused(self, seen: WireAnswer, quota: tuple[QuotaWindow, ...], now: float) -> Verdict:
        """Return the verdict on an error, which the transport has put into Anthropic's form."""
        reason = f"upstream returned {seen.status}"
        if NO_CREDENTIAL.encode() in seen.body:
            until = now + UNFOUND_SECONDS
            return Verdict(
                Outcome.RETRY_OTHER, Scope.ACCOUNT, until, needs_operator=True, reason=NO_CREDENTIAL
            )
        if seen.status in (401, 403):
            if errors.AUTHENTICATION.encode() in seen.body:
                reason = f"{reason}: the cloud does not take the credential, its words stand in the log"
                return Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, now + REFUSED_SECONDS, reason=reason)
            reason = f"{reason}: the cloud does not allow the model, its words stand in the log"
            return Verdict(Outcome.RETRY_OTHER, Scope.MODEL, now + FORBIDDEN_SECONDS, reason=reason)
        if seen.status == 501:
            return Verdict(Outcome.GIVE_UP, Scope.REQUEST, reason=reason)
        if seen.status in (408, 424):
            return Verdict(Outcome.RETRY_OTHER, Scope.REQUEST, reason=reason)
        return super().refused(seen, quota, now)

    def transport(self, shared: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """Put credentials and answers on top of the shared one."""
        return CloudTransport(shared)
