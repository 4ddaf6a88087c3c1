"""Remember what upstreams have been found to refuse, so that it is left out of the next requests."""

from __future__ import annotations

from gateway.exchange.attempts import Attempt
from gateway.relay.deps import RelayDeps
from gateway.telemetry.request_ids import make_id
from providers.catalog.records import Route
from providers.dialects.types import Translator
from providers.xml.choosing import XmlTools


class Refusals:
    """For one event loop."""

    def __init__(self, deps: RelayDeps) -> None:
        self.optionless: set[str] = set()  # base URLs where the option for a stream's usage is refused
        self.xml = XmlTools(make_id) if deps.options.has_xml_tools else None

    def learn(self, refused: Attempt) -> bool:
        """Remember what the upstream does not take; False: it refuses nothing that could be left out."""
        provider, verdict = refused.route.provider, refused.verdict
        if verdict.refuses_option:
            self.optionless.add(provider.base_url)
            return True
        if self.xml is None or not verdict.refuses_tools:
            return False
        self.xml.learn(provider)
        return True

    def told(self, route: Route, translator: Translator) -> Translator:
        """Return the translator, with tools as text where the provider wants them so."""
        return translator if self.xml is None else self.xml.wrap(route, translator)
