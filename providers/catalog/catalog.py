"""The providers as the relay knows them: an in-memory copy, and the choice of those that serve a call."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache

from providers.catalog import store
from providers.catalog.records import (
    ANTHROPIC,
    OPENAI_COMPATIBLE,
    ProviderRecord,
    Route,
    Step,
    Want,
)
from providers.routing import Router, View, driver_of, standing_in

__all__ = ["ANTHROPIC", "OPENAI_COMPATIBLE", "Catalog", "ProviderRecord", "Route", "Want"]

logger = logging.getLogger(__name__)

LACKING_SECONDS = 3600.0
MAX_KNOWN = 1024  # models are named by clients


class Catalog:
    """Memory copy of the providers, from which calls are routed.

    The providers that the settings name are there without a row.
    """

    def __init__(
        self,
        boot: store.Boot,
        has_accounts: Callable[[str], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start with the settings' providers; `load` adds the rows.

        `has_accounts(provider)` says whether accounts that can be called with exist there.
        """
        self._boot = boot
        self._has_accounts = has_accounts
        self._clock = clock
        self._lacking: dict[tuple[str, str], float] = {}
        self._router = Router(self._is_served, self._lacks_responses)
        self._known = lru_cache(MAX_KNOWN)(self._find)  # what was raised is not kept
        self._writing = threading.Lock()
        self._view = store.view_of(boot)
        self._revision = 0
        self._cleared: dict[str, int] | None = None  # None: nothing read yet, so there is nothing to clear
        self.on_cleared: Callable[[str], None] = lambda provider: None
        """Called with a provider that an operator has cleared, in any process. Quick, from any thread."""

    @property
    def revision(self) -> int:
        """Return the newest revision whose rows are in memory."""
        return self._revision

    @property
    def view(self) -> View:
        """Return the rows as they are in memory."""
        return self._view

    def install(self, view: View) -> None:
        """Put this view in place of the rows that were in memory."""
        self._view = view

    def load(self) -> None:
        """Read every row and swap the copy whole.

        Sync, ORM; database errors pass through.
        """
        with self._writing:
            revision, rows = store.read()
            self.install(store.view_of(self._boot, rows))
            self._revision = revision
            before, self._cleared = self._cleared, rows.cleared
        if before is not None:
            for provider, cleared_at in rows.cleared.items():
                if cleared_at != before.get(provider):
                    self._clear(provider)

    def apply_changes(self) -> None:
        """Load again when a row has changed.

        Sync, ORM.
        """
        if store.revision() != self._revision:
            self.load()

    def routes(self, want: Want) -> Sequence[Route]:
        """Return the places where this call may go, best first; never none.

        Raises `providers.errors.NoRoute`, `UnknownModel`.
        """
        view = self._view
        # What may change without a row: an account comes or goes, a probe finds that an API is not there.
        served = () if view.is_served_either_way else tuple(map(self._is_served, view.claiming))
        lacking = tuple([self._lacks_responses(record) for record in view.probed_by[want.dialect]])
        return self._known(view, want, served, lacking)

    def _find(
        self, view: View, want: Want, served: tuple[bool, ...], lacking: tuple[bool, ...]
    ) -> Sequence[Route]:
        return self._router.routes(view, want)

    def stand_in(self, route: Route) -> Route | None:
        """Return where a call may go that this route's accounts can't serve; None: nowhere."""
        return standing_in(self._view, route)

    @staticmethod
    def is_command_line(provider: ProviderRecord) -> bool:
        """Tell whether a provider is a command line on this machine."""
        return driver_of(provider).keeps_logins

    def only(self, want: Want) -> Route | None:
        """Return the one place that a call of this kind can go to, untranslated and unchanged; None: there is none."""
        return self._router.only(self._view, want)

    def steps(self, want: Want) -> Sequence[Step]:
        """Return the same places with reasons, before any dialect is chosen: for people.

        Raises `NoRoute`.
        """
        return self._router.steps(self._view, want)

    def lacks(self, route: Route) -> None:
        """Remember for an hour that the provider has answered a probe with 404 or 405."""
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
        if record.takes_callers_login:
            return True
        return self._has_accounts(record.name) or record.own_credential() is not None
