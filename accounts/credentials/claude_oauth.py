"""Refresh logins of Claude subscriptions, as Claude Code does its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from accounts.credentials.sources import Pair
from accounts.credentials.token_endpoint import Reach, ask
from providers.drivers.anthropic import AnthropicDriver

# The public client id of the login that made the pair: a refresh token is bound to it.
CLIENT_ID = "9d1c250a-e61b-44d9-88ed-5944d1962f5e"


@dataclass(frozen=True, slots=True)
class ClaudeOAuth:
    """The vendor's token endpoint at `url`."""

    url: str
    vendor: ClassVar[str] = AnthropicDriver.kind

    def lacks(self, pair: Pair) -> str:
        """See `TokenEndpoint`."""
        return "" if pair.refresh_token else "no refresh token"

    def refresh(self, pair: Pair, reach: Reach) -> Pair:
        """See `TokenEndpoint`."""
        form = {"grant_type": "refresh_token", "refresh_token": pair.refresh_token, "client_id": CLIENT_ID}
        return ask(self.url, form, pair, reach)
