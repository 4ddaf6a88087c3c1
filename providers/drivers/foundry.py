"""Anthropic's models at Microsoft Foundry: the Messages form, with an API key or Entra ID's tokens."""

from __future__ import annotations

from providers.credentials.api_key import ApiKey
from providers.drivers.clouds import CloudDriver
from providers.upstream import CredentialKind


class FoundryDriver(CloudDriver):
    """The driver of Microsoft Foundry."""

    kind = "foundry"
    label = "Microsoft Foundry"
    needs_credential = True
    needs_base_url = True
    fields = frozenset(("model_ids",))
    login: CredentialKind | None = CredentialKind.AZURE
    strategies = {CredentialKind.API_KEY: ApiKey(b"x-api-key"), CredentialKind.OAUTH: ApiKey(b"x-api-key")}
