"""Anthropic's models at Amazon Bedrock: native Messages, Mantle, or InvokeModel with frames; signed or with a key."""

from __future__ import annotations

import os
from collections.abc import Mapping

from providers.clouds import bodies, model_ids
from providers.clouds.envelope import CloudEnvelope
from providers.credentials.api_key import Bearer
from providers.dialects.envelopes import invalid
from providers.dialects.types import WireRequest
from providers.drivers.base import UpstreamEnvelope
from providers.drivers.clouds import VENDOR_HEADERS, CloudDriver
from providers.upstream import Credential, CredentialKind, Upstream

KEY_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"
OWN_PREFIX = b"x-amzn-bedrock-"
MANTLE_SERVICE = "bedrock-mantle"
MANTLE_BASE = "https://bedrock-mantle.{region}.api.aws"


class BedrockDriver(CloudDriver):
    """The driver of Amazon Bedrock."""

    kind = "bedrock"
    label = "Amazon Bedrock"
    surface = "bedrock"
    base = "https://bedrock-runtime.{region}.amazonaws.com"
    envelope: UpstreamEnvelope | None = CloudEnvelope(takes_tags=False)
    fields = frozenset(("region", "api", "model_ids"))
    required = ("region",)
    options: Mapping[str, str] = {"region": "the region", "api": "auto, messages, mantle or invoke"}
    extra = ("bedrock", "botocore")
    login: CredentialKind | None = CredentialKind.AWS
    regional_prices = "bedrock/regional"
    service = "bedrock"
    trace = b"x-amzn-bedrock-trace"
    strategies = {CredentialKind.API_KEY: Bearer(), CredentialKind.OAUTH: Bearer()}

    def ambient(self) -> Credential:
        """Take the API key that AWS's own tools take, else what botocore's chain finds."""
        key = os.environ.get(KEY_VARIABLE, "").strip()
        return (
            Credential(CredentialKind.API_KEY, key, "env")
            if key
            else Credential(CredentialKind.AWS, "", "chain")
        )

    def shipped(self, model: str, options: Mapping[str, str]) -> str:
        """Return Bedrock's id, where one ships."""
        return model_ids.bedrock_id(model, options.get("api", ""))

    def place(self, base_url: str, options: Mapping[str, str], region: str = "") -> str:
        """See `CloudDriver`; Mantle has a host of its own."""
        if not base_url and options.get("api") == model_ids.MANTLE:
            base_url = MANTLE_BASE
        return super().place(base_url, options, region)

    def is_dropped(self, name: bytes) -> bool:
        """Let guardrails, tiers and their like pass."""
        if name.startswith(OWN_PREFIX):
            return name in VENDOR_HEADERS
        return super().is_dropped(name)

    def written(self, upstream: Upstream, request: WireRequest, region: str) -> WireRequest:
        """Put a call for InvokeModel into its form; the others are called below `/anthropic`."""
        model = upstream.model or ""
        if model_ids.api_of(upstream.options.get("api", ""), model) != model_ids.INVOKE:
            return WireRequest(
                request.method, b"/anthropic" + request.path, request.query, request.headers, request.body
            )
        if not model:
            raise invalid("model is required", "model")
        return bodies.invoke(request, model)

    def service_of(self, upstream: Upstream) -> str:
        """Return the service for which AWS checks a signature: Mantle has a name of its own."""
        return MANTLE_SERVICE if upstream.options.get("api") == model_ids.MANTLE else self.service
