"""Anthropic's OAuth access tokens: a bearer, and the beta that lets the API take it."""

from __future__ import annotations

from providers.credentials.api_key import Bearer
from providers.credentials.base import Draft
from providers.upstream import Credential

OAUTH_BETA = b"oauth-2025-04-20"
OAUTH_PREFIX = "sk-ant-oat"


class ClaudeOAuth(Bearer):
    """Send the access token as a bearer, with the OAuth beta beside those that the client asked for."""

    def apply(self, draft: Draft, credential: Credential, now: float) -> None:
        """Add the header, and the beta for tokens of Anthropic's form."""
        if credential.secret.startswith(OAUTH_PREFIX):
            _merge_beta(draft.headers)
        super().apply(draft, credential, now)


def _merge_beta(headers: list[tuple[bytes, bytes]]) -> None:
    """Add the OAuth beta to what the client asked for; nothing is dropped, lines stay lines."""
    last = None
    for index, (name, value) in enumerate(headers):
        if name == b"anthropic-beta":
            if OAUTH_BETA in [item.strip() for item in value.split(b",")]:
                return
            last = index
    if last is None:
        headers.append((b"anthropic-beta", OAUTH_BETA))
    else:
        value = headers[last][1].rstrip(b" ,")
        headers[last] = (b"anthropic-beta", value + b"," + OAUTH_BETA if value else OAUTH_BETA)
