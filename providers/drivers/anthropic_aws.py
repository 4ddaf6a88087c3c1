"""Claude Platform on AWS: the Messages form, signed or with an API key, in one workspace."""

from __future__ import annotations

from collections.abc import Mapping

from providers.credentials.api_key import ApiKey
from providers.dialects.types import WireRequest
from providers.drivers.bedrock import BedrockDriver
from providers.drivers.clouds import CloudDriver
from providers.upstream import Credential, CredentialKind, Upstream

SERVICE = "aws-external-anthropic"
WORKSPACE = b"anthropic-workspace-id"


class AnthropicAwsDriver(CloudDriver):
    """The driver of Claude Platform on AWS."""

    kind = "anthropic-aws"
    label = "Claude Platform on AWS"
    base = "https://aws-external-anthropic.{region}.api.aws"
    fields = frozenset(("region", "workspace", "model_ids"))
    required = ("region", "workspace")
    options: Mapping[str, str] = {"region": "the region", "workspace": "the workspace's id"}
    extra = BedrockDriver.extra
    login: CredentialKind | None = CredentialKind.AWS
    service = SERVICE
    strategies = {CredentialKind.API_KEY: ApiKey(b"x-api-key"), CredentialKind.OAUTH: ApiKey(b"x-api-key")}

    def ambient(self) -> Credential:
        """Take what botocore's chain finds."""
        return Credential(CredentialKind.AWS, "", "chain")

    def headers(self, upstream: Upstream, request: WireRequest) -> list[tuple[bytes, bytes]]:
        """Return them with the workspace."""
        headers = super().headers(upstream, request)
        headers.append((WORKSPACE, upstream.options["workspace"].encode()))
        return headers
