"""The providers as the road knows them: an in-memory copy, and which of them serves a call."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from providers import store
from providers.records import ANTHROPIC, OPENAI_COMPATIBLE, ProviderRecord, Route, Step, Want
from providers.routing import Router, View

__all__ = ["ANTHROPIC", "OPENAI_COMPATIBLE", "Catalog", "ProviderRecord", "Route", "Want"]

logger = logging.getLogger(__name__)

LACKING_SECONDS = 3600.0


class Catalog:
    """Answers from memory. The providers that the settings name are there without a row."""

    def __init__(
        self,
        boot: store.Boot,
        has_accounts: Callable[[str], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`has_accounts(provider)`: whether accounts that can be called with exist there."""
        self._boot = boot
        self._has_accounts = has_accounts
        self._clock = clock
        self._lacking: dict[tuple[str, str], float] = {}
        self._router = Router(self._is_served, self._lacks_responses)
        self._writing = threading.Lock()
        self._view = store.view_of(boot)
        self._revision = 0
        self._cleared: dict[str, int] | None = None  # None: nothing read yet, so nothing held against anybody
        self.on_cleared: Callable[[str], None] = lambda provider: None
        """Called with a provider that an operator has cleared, in any process. Quick, from any thread."""

    @property
    def revision(self) -> int:
        """The newest revision whose rows are in memory."""
        return self._revision

    @property
    def view(self) -> View:
        """The rows as they are in memory."""
        return self._view

    def load(self) -> None:
        """Reads every row and swaps the copy whole. Sync, ORM; database errors pass through."""
        with self._writing:
            revision, rows = store.read()
            self._view = store.view_of(self._boot, rows)
            self._revision = revision
            before, self._cleared = self._cleared, rows.cleared
        if before is not None:
            for provider, cleared_at in rows.cleared.items():
                if cleared_at != before.get(provider):
                    self._clear(provider)

    def apply_changes(self) -> None:
        """The same, when something has changed. Sync, ORM."""
        if store.revision() != self._revision:
            self.load()

    def routes(self, want: Want) -> Sequence[Route]:
        """Where this call may go, best first; never empty. Raises `providers.errors.NoRoute`, `UnknownModel`."""
        return self._router.routes(self._view, want)

    def steps(self, want: Want) -> Sequence[Step]:
        """The same with reasons, before any language is chosen: for people. Raises `NoRoute`."""
        return self._router.steps(self._view, want)

    def lacks(self, route: Route) -> None:
        """The provider has answered a probe with 404 or 405: remembered for an hour."""
        provider = route.provider
        logger.info("Provider %s has no Responses API: translated to Chat Completions", provider.name)
        self._lacking[provider.name, provider.base_url] = self._clock() + LACKING_SECONDS

    def _clear(self, provider: str) -> None:
        for known in [one for one in self._lacking if one[0] == provider]:
            self._lacking.pop(known, None)
        self.on_cleared(provider)

    def _lacks_responses(self, record: ProviderRecord) -> bool:
        until = self._lacking.get((record.name, record.base_url))
        return until is not None and self._clock() < until

    def _is_served(self, record: ProviderRecord) -> bool:
        return self._has_accounts(record.name) or record.own_credential() is not None
