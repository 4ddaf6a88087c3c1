"""Anthropic's models at Google's Vertex AI: rawPredict and streamRawPredict, with Google's access tokens."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from providers.clouds import bodies
from providers.clouds.envelope import CloudEnvelope
from providers.clouds.model_ids import VERTEX
from providers.credentials.api_key import Bearer
from providers.dialects.envelopes import invalid
from providers.dialects.types import WireRequest
from providers.drivers.base import UpstreamEnvelope
from providers.drivers.clouds import CloudDriver
from providers.upstream import Credential, CredentialKind, Upstream

GLOBAL = "global"
HOSTS = {
    GLOBAL: "https://aiplatform.googleapis.com/v1",
    "us": "https://aiplatform.us.rep.googleapis.com/v1",
    "eu": "https://aiplatform.eu.rep.googleapis.com/v1",
}


class VertexDriver(CloudDriver):
    """The driver of Vertex AI."""

    kind = "vertex"
    label = "Google Vertex AI"
    surface = "vertex"
    base = "https://{region}-aiplatform.googleapis.com/v1"
    envelope: UpstreamEnvelope | None = CloudEnvelope(takes_tags=False)
    fields = frozenset(("region", "project", "model_ids"))
    required = ("project",)
    options: Mapping[str, str] = {"region": f"the region; absent: {GLOBAL}", "project": "the project's id"}
    extra = ("vertex", "google.auth")
    login: CredentialKind | None = CredentialKind.GOOGLE
    regional_prices = "vertex/regional"
    strategies = {CredentialKind.API_KEY: Bearer(), CredentialKind.OAUTH: Bearer()}

    def ambient(self) -> Credential:
        """Take Google's default credentials."""
        return Credential(CredentialKind.GOOGLE, "", "default")

    def shipped(self, model: str, options: Mapping[str, str]) -> str:
        """Return Vertex's name, where one ships."""
        return VERTEX.get(model, model)

    def place(self, base_url: str, options: Mapping[str, str], region: str = "") -> str:
        """See `CloudDriver`; some regions have hosts of another form."""
        region = region or options.get("region", "") or GLOBAL
        return super().place(base_url or HOSTS.get(region, ""), options, region)

    def written(self, upstream: Upstream, request: WireRequest, region: str) -> WireRequest:
        """Put the call into Vertex's form."""
        if not upstream.model:
            raise invalid("model is required", "model")
        return bodies.raw_predict(
            request, upstream.model, _models(upstream.options["project"], region or GLOBAL)
        )


@lru_cache(maxsize=256)
def _models(project: str, region: str) -> bytes:
    return f"/projects/{project}/locations/{region}/publishers/anthropic/models".encode()
