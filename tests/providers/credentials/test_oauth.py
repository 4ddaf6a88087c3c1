"""Access tokens of Anthropic's logins: the bearer, and the beta beside the client's own."""

from __future__ import annotations

import httpx
import pytest

from providers.credentials.base import Draft
from providers.credentials.oauth import ClaudeOAuth
from providers.upstream import Credential, CredentialKind

BETA = b"oauth-2025-04-20"
TOKEN = Credential(CredentialKind.OAUTH, "sk-ant-oat01-x")


def applied(credential: Credential, *headers: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    draft = Draft("POST", httpx.URL("https://h"), b"/v1/messages", list(headers), b"{}")
    ClaudeOAuth().apply(draft, credential, 0.0)
    assert draft.headers.pop() == (b"authorization", b"Bearer " + credential.secret.encode())
    return draft.headers


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ([], [BETA]),
        ([b"a"], [b"a," + BETA]),
        ([b"a", b"b, "], [b"a", b"b," + BETA]),
        ([b""], [BETA]),
        ([b"a , " + BETA, b"b"], [b"a , " + BETA, b"b"]),
    ],
)
def test_the_beta_joins_those_of_the_client_once(asked: list[bytes], sent: list[bytes]) -> None:
    other = (b"x-other", b"1")
    headers = applied(TOKEN, other, *((b"anthropic-beta", value) for value in asked))
    assert headers == [other, *((b"anthropic-beta", value) for value in sent)]


def test_a_token_of_another_form_travels_without_the_beta() -> None:
    assert applied(Credential(CredentialKind.OAUTH, "of-the-reference")) == []
