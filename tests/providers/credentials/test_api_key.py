"""Keys in a header of their own, or as a bearer token."""

from __future__ import annotations

import httpx

from providers.credentials.api_key import ApiKey, Bearer
from providers.credentials.base import CredentialStrategy, Draft
from providers.upstream import Credential, CredentialKind

KEY = Credential(CredentialKind.API_KEY, "sk-key")


def applied(strategy: CredentialStrategy) -> Draft:
    draft = Draft("POST", httpx.URL("https://h"), b"/v1/x", [(b"a", b"b")], b"{}")
    strategy.apply(draft, KEY, 0.0)
    return draft


def test_the_key_is_added_and_nothing_else_changes() -> None:
    for strategy, header in (
        (ApiKey(b"x-api-key"), (b"x-api-key", b"sk-key")),
        (Bearer(), (b"authorization", b"Bearer sk-key")),
    ):
        draft = applied(strategy)
        assert draft.headers == [(b"a", b"b"), header]
        assert (draft.method, draft.target, draft.body) == ("POST", b"/v1/x", b"{}")
