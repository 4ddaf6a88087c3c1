"""The kinds of login that are refreshed, by the source of an account. A new kind is a line here."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings

from accounts.credentials.claude_oauth import ClaudeOAuth
from accounts.credentials.token_endpoint import TokenEndpoint
from accounts.models import Source

Logins = Mapping[str, TokenEndpoint]


def logins_from_settings() -> Logins:
    """Return the token endpoint of each source; accounts of other sources have nothing to refresh."""
    claude = ClaudeOAuth(settings.GATEWAY.OAUTH_TOKEN_URL)
    return {Source.DIRECTORY: claude, Source.OAUTH: claude}
