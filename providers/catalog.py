"""The providers as the road knows them: an in-memory copy, and which of them serves a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from providers.dialects.types import Target

ANTHROPIC = "anthropic"


@dataclass(frozen=True, slots=True)
class ProviderRecord:
    """A place to call. `base_url` without trailing slash."""

    name: str
    kind: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One place this call can go to, and the name it gives the model there."""

    provider: ProviderRecord
    target: Target


class Catalog:
    """Answers from memory. The boot provider is there without a row."""

    def __init__(self, boot: ProviderRecord) -> None:
        self._boot = boot

    def routes(self, model: str | None) -> Sequence[Route]:
        """Where this call may go, best first. The same dialect on both sides passes unknown names on."""
        return (Route(self._boot, Target(model=model, provider=self._boot.name)),)
