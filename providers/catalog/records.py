"""Provider, route and model-map rows as the relay knows them: immutable, in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache

import msgspec

from gateway.kernel.secrets import fingerprint
from providers.credentials.oauth import OAUTH_PREFIX
from providers.dialects.types import Target
from providers.drivers.table import DRIVERS
from providers.upstream import Credential, CredentialKind

ANTHROPIC = "anthropic"
OPENAI_COMPATIBLE = "openai-compatible"
GONKA = "gonka"
CRATER = "crater"
CLAUDE_CLI = "claude-cli"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts of one provider, in seconds; None = as configured for all."""

    connect_seconds: float | None = None
    first_byte_seconds: float | None = None
    idle_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ProviderRecord:
    """A place to call.

    `base_url` is without trailing slash. `credential` is its stored key; see `own_credential`.
    """

    name: str
    kind: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    credential: Credential | None = None
    api_key_env: str = ""  # names the variable that holds the key
    is_stored_first: bool = False  # whether the stored key goes before the variable
    is_key_unreadable: bool = False  # there is a key, but it can't be used
    own_secret: str = ""  # the variable named was one of the gateway's own secrets: it is never read
    default_model: str = ""
    models: tuple[str, ...] = ()
    priority: int = 100
    responses: str = "auto"
    takes_callers_login: bool = False  # no account of ours serves there
    timeouts: Timeouts = Timeouts()
    options: Mapping[str, str] = field(default_factory=dict)  # what its kind alone knows
    model_ids: Mapping[str, str] = field(default_factory=dict)  # what models are called there

    def own_credential(self) -> Credential | None:
        """Return the credential for calls without an account; None = it can't be called then.

        The environment is read at each call. Some kinds may need nothing.
        """
        named = os.environ.get(self.api_key_env, "") if self.api_key_env else ""
        if self.credential is not None and (self.is_stored_first or not named):
            return self.credential
        if named:
            return key_credential(named)
        if self.needs_credential or self.is_key_unreadable:
            return None
        return DRIVERS[self.kind].ambient()

    @property
    def needs_credential(self) -> bool:
        """Return whether its kind can't be called with nothing; a kind that nobody serves can't either."""
        driver = DRIVERS.get(self.kind)
        return driver is None or driver.needs_credential


@lru_cache(maxsize=64)
def key_credential(secret: str) -> Credential:
    """Return a key as a credential; one of Anthropic's OAuth tokens is known by its first letters."""
    kind = CredentialKind.OAUTH if secret.startswith(OAUTH_PREFIX) else CredentialKind.API_KEY
    return Credential(kind, secret, fingerprint(secret))


@dataclass(frozen=True, slots=True)
class RouteRecord:
    """A route row.

    `chain`: (provider, upstream's model or ""), the row's own first, then its fallbacks.
    """

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
        """Return the name to send; None = as asked.

        `*` in it stands for what the pattern's first `*` matched.
        """
        if not upstream_model:
            return None
        if "*" not in upstream_model or not self.is_pattern:
            return upstream_model
        before, _, after = self.model.partition("*")
        matched = asked[len(before) : len(asked) - len(after)] if "*" not in after else asked[len(before) :]
        return upstream_model.replace("*", matched)

    @property
    def order(self) -> tuple[int, bool, int, str]:
        """Return the sort key: priority, then exact names before patterns, longer patterns first."""
        return (self.priority, self.is_pattern, -len(self.model), self.model)


@dataclass(frozen=True, slots=True)
class MapRecord:
    """A row of the model map."""

    pattern: str
    target: str


class Want(msgspec.Struct, frozen=True):
    """The needs of a call that decide where it may go."""

    dialect: str  # the surface's; "": any
    model: str | None
    provider: str | None = None  # the only one this token may use
    is_forward: bool = False  # passed on as it is: only a provider that speaks the surface's API
    is_native: bool = False  # paths of Anthropic's own API
    cloud_id: str = ""  # the model as a caller of a cloud's surface wrote it
    surface: str = ""  # named where `cloud_id` is


@dataclass(frozen=True, slots=True)
class Step:
    """One place of a chain, why it is there, and the model's name there; None = as asked."""

    provider: ProviderRecord
    reason: str
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One place this call can go to, the dialect it speaks there, and the name it gives the model."""

    provider: ProviderRecord
    dialect: str
    target: Target
    is_probe: bool = False  # a 404 or 405 means that the provider has no such API: the next route serves
