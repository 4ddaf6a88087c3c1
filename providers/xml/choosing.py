"""Choose the calls whose tools are told as text: by a provider's field `tools`, or since it refused tools."""

from __future__ import annotations

import time
from collections.abc import Callable

from providers.catalog.records import ProviderRecord, Route
from providers.dialects.types import MakeId, Translator
from providers.drivers.table import DRIVERS
from providers.xml.translator import XmlTranslator

AUTO, NATIVE, XML = "auto", "native", "xml"
DIALECT = "openai_chat"
REMEMBERED_SECONDS = 3600.0


class XmlTools:
    """For one event loop."""

    def __init__(self, ids: MakeId, clock: Callable[[], float] = time.monotonic) -> None:
        self._ids = ids
        self._clock = clock
        self._refused: dict[tuple[str, str], float] = {}

    def wrap(self, route: Route, translator: Translator) -> Translator:
        """Return the translator, in XML where the provider wants it so."""
        if route.dialect != DIALECT or not self._is_wanted(route.provider):
            return translator
        return XmlTranslator(translator, self._ids)

    def learn(self, provider: ProviderRecord) -> None:
        """Remember for an hour that tools were refused."""
        self._refused[_key(provider)] = self._clock() + REMEMBERED_SECONDS

    def _is_wanted(self, provider: ProviderRecord) -> bool:
        mode = provider.options.get("tools", AUTO)
        if mode != AUTO:
            return mode == XML
        until = self._refused.get(_key(provider))
        return until is not None and until > self._clock() and "tools" in DRIVERS[provider.kind].options


def _key(provider: ProviderRecord) -> tuple[str, str]:
    return provider.name, provider.base_url
