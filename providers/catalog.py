"""The providers as the road knows them: an in-memory copy, and which of them serves a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from providers.dialects.types import Target
from providers.upstream import Credential

ANTHROPIC = "anthropic"


@dataclass(frozen=True, slots=True)
class ProviderRecord:
    """A place to call. `base_url` without trailing slash. `credential` is its own, for a provider without accounts."""

    name: str
    kind: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    credential: Credential | None = None


@dataclass(frozen=True, slots=True)
class Want:
    """What a call needs of a provider."""

    dialect: str  # the surface's
    model: str | None
    provider: str | None = None  # the only one this token may use
    is_forward: bool = False  # passed on as it is: only a provider that speaks the surface's API
    is_native: bool = False  # paths of Anthropic's own API


@dataclass(frozen=True, slots=True)
class Route:
    """One place this call can go to, the language it speaks there, and the name it gives the model."""

    provider: ProviderRecord
    dialect: str
    target: Target
    is_probe: bool = False  # a 404 or 405 means that the provider has no such API: the next route serves


class Catalog:
    """Answers from memory. The boot provider is there without a row."""

    def __init__(self, boot: ProviderRecord) -> None:
        self._boot = boot

    def routes(self, want: Want) -> Sequence[Route]:
        """Where this call may go, best first; never empty. Raises `providers.errors.NoRoute`, `UnknownModel`."""
        return (Route(self._boot, ANTHROPIC, Target(model=want.model, provider=self._boot.name)),)

    def lacks(self, route: Route) -> None:
        """The provider has answered a probe with 404 or 405: remembered for an hour."""
