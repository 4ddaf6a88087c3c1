"""Provider, route and model-map rows as the road knows them: immutable, in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache

import msgspec

from providers.dialects.types import Target
from providers.secrets import fingerprint
from providers.upstream import Credential, CredentialKind

ANTHROPIC = "anthropic"
OPENAI_COMPATIBLE = "openai-compatible"
OAUTH_PREFIX = "sk-ant-oat"
NO_CREDENTIAL = Credential(CredentialKind.NONE, "")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds; None = as configured for all."""

    connect_seconds: float | None = None
    first_byte_seconds: float | None = None
    idle_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ProviderRecord:
    """A place to call. `base_url` without trailing slash. `credential` is its stored key; see `own_credential`."""

    name: str
    kind: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    credential: Credential | None = None
    api_key_env: str = ""  # names the variable that holds the key
    is_stored_first: bool = False  # whether the stored key goes before the variable
    is_key_unreadable: bool = False  # there is a stored key, but it does not open
    default_model: str = ""
    models: tuple[str, ...] = ()
    priority: int = 100
    responses: str = "auto"
    timeouts: Timeouts = Timeouts()

    def own_credential(self) -> Credential | None:
        """What it is called with when it has no accounts; None = it can't be called then.

        The environment is read at each call. An OpenAI-compatible provider may need nothing.
        """
        named = os.environ.get(self.api_key_env, "") if self.api_key_env else ""
        if self.credential is not None and (self.is_stored_first or not named):
            return self.credential
        if named:
            return key_credential(named)
        return None if self.kind == ANTHROPIC or self.is_key_unreadable else NO_CREDENTIAL


@lru_cache(maxsize=64)
def key_credential(secret: str) -> Credential:
    """A key as a credential; one of Anthropic's OAuth tokens is told by its first letters."""
    kind = CredentialKind.OAUTH if secret.startswith(OAUTH_PREFIX) else CredentialKind.API_KEY
    return Credential(kind, secret, fingerprint(secret))


@dataclass(frozen=True, slots=True)
class RouteRecord:
    """A route row. `chain`: (provider, upstream's model or ""), the row's own first, then its fallbacks."""

    model: str
    chain: tuple[tuple[str, str], ...]
    priority: int = 100
    is_listed: bool = True
    display_name: str = ""

    @property
    def is_pattern(self) -> bool:
        return "*" in self.model

    def matches(self, model: str) -> bool:
        return fnmatchcase(model, self.model) if self.is_pattern else model == self.model

    def target(self, upstream_model: str, asked: str) -> str | None:
        """The name to send; None = as asked. `*` in it stands for what the pattern's first `*` matched."""
        if not upstream_model:
            return None
        if "*" not in upstream_model or not self.is_pattern:
            return upstream_model
        before, _, after = self.model.partition("*")
        matched = asked[len(before) : len(asked) - len(after)] if "*" not in after else asked[len(before) :]
        return upstream_model.replace("*", matched)

    @property
    def order(self) -> tuple[int, bool, int, str]:
        """Priority first, then exact names before patterns, longer patterns before shorter ones."""
        return (self.priority, self.is_pattern, -len(self.model), self.model)


@dataclass(frozen=True, slots=True)
class MapRecord:
    """A row of the model map."""

    pattern: str
    target: str


class Want(msgspec.Struct, frozen=True):
    """What a call needs of a provider."""

    dialect: str  # the surface's
    model: str | None
    provider: str | None = None  # the only one this token may use
    is_forward: bool = False  # passed on as it is: only a provider that speaks the surface's API
    is_native: bool = False  # paths of Anthropic's own API


@dataclass(frozen=True, slots=True)
class Step:
    """One place of a chain, why it is there, and the model's name there; None = as asked."""

    provider: ProviderRecord
    reason: str
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One place this call can go to, the language it speaks there, and the name it gives the model."""

    provider: ProviderRecord
    dialect: str
    target: Target
    is_probe: bool = False  # a 404 or 405 means that the provider has no such API: the next route serves
