"""What kinds that are called by plain HTTP have in common: URLs, credentials, and answers to what most kinds lack."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import httpx

from providers.client import request_to
from providers.credentials.base import Draft, Strategies
from providers.dialects.types import WireRequest
from providers.drivers.base import NO_CREDENTIAL, UpstreamEnvelope
from providers.errors import ForeignUrl
from providers.http1.pinned_url import PinnedUrl
from providers.upstream import Credential, CredentialKind, Upstream


class HttpDriver:
    """What kinds that are called by plain HTTP have in common. A kind says its headers and strategies."""

    words: tuple[str, ...] = ()
    envelope: UpstreamEnvelope | None = None
    lists_models = False
    list_query = b""
    has_models_path = True
    has_native_paths = False
    forwards = False
    needs_credential = False
    maps_models = False
    has_address = True
    counts_tokens = True
    takes_callers_login = False
    keeps_logins = False
    stands_in_for = ""
    fields: frozenset[str] = frozenset()
    needs_base_url = True
    surface = ""
    login: CredentialKind | None = None
    regional_prices = ""
    options: Mapping[str, str] = {}
    strategies: Strategies = {}

    def problem(self, options: Mapping[str, str], key: str) -> tuple[str, str] | None:
        """Find nothing wrong."""
        return None

    def lacking(self) -> str:
        """Lack nothing."""
        return ""

    def identity(self, options: Mapping[str, str], key: str) -> str:
        """Be nobody in particular."""
        return ""

    def trial(self, model: str) -> WireRequest | None:
        """Take the list of models for a trial."""
        return None

    def advice(self, options: Mapping[str, str], status: int) -> str:
        """Add nothing."""
        return ""

    def is_verbatim(self, options: Mapping[str, str]) -> bool:
        """Ask for usage too."""
        return False

    def compacts(self, base_url: str) -> bool:
        """Have the model sum up."""
        return False

    def place(self, base_url: str, options: Mapping[str, str], region: str = "") -> str:
        """Take the row's."""
        return base_url

    def ambient(self) -> Credential:
        """Show nothing."""
        return NO_CREDENTIAL

    def id_of(self, model: str, model_ids: Mapping[str, str], options: Mapping[str, str]) -> str:
        """Use the name itself."""
        return model

    def claims(self, model: str) -> bool:
        """Claim no model."""
        return False

    def headers(self, upstream: Upstream, request: WireRequest) -> list[tuple[bytes, bytes]]:
        """Return the headers that leave, without the credential."""
        raise AssertionError("a kind says its headers")

    def path(self, prefix: bytes, path: bytes) -> bytes:
        """Return the base's own path and the request's, joined."""
        return prefix + path

    def build(self, upstream: Upstream, request: WireRequest, now: float) -> httpx.Request:
        """See `Driver`."""
        url, prefix = base_of(upstream.base_url)
        if not request.path.startswith(b"/"):
            raise ForeignUrl("the path does not start with a slash")
        target = self.path(prefix, request.path)
        if request.query:
            target += b"?" + request.query
        draft = Draft(request.method, url, target, self.headers(upstream, request), request.body)
        strategy = self.strategies.get(upstream.credential.kind)
        if strategy is not None:
            strategy.apply(draft, upstream.credential, now)
        extensions = {"target": draft.target, "proxy": upstream.proxy}
        return request_to(url, draft.method, draft.headers, draft.body, extensions)

    def transport(self, shared: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """Use the shared one."""
        return shared

    async def start(self) -> None:
        """Nothing runs beside calls."""

    async def aclose(self) -> None:
        """Nothing is open."""


@lru_cache(maxsize=256)
def base_of(base_url: str) -> tuple[PinnedUrl, bytes]:
    """Return the URL that pins scheme and host, and the base's own path. Raises `ForeignUrl`."""
    url = httpx.URL(base_url)
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise ForeignUrl("a base URL is http(s)://host[:port][/path]")
    return PinnedUrl(url), url.raw_path.partition(b"?")[0].rstrip(b"/")
