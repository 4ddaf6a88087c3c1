"""The Rust router's signature of a Gonka request."""

from __future__ import annotations

import httpx

from providers.credentials.base import Draft
from providers.credentials.gonka_hash import GonkaHash
from providers.upstream import Credential, CredentialKind


def test_the_headers_are_the_rust_router_s() -> None:
    draft = Draft("POST", httpx.URL("https://node.test"), b"/sub/v1/chat/completions", [], b"{}")
    credential = Credential(CredentialKind.API_KEY, "secret-key")
    GonkaHash(b"/v1/chat/completions").apply(draft, credential, 1700000000.9)
    assert draft.headers == [
        (b"x-gonka-timestamp", b"1700000000"),
        (b"x-gonka-signature", b"274bb6c833937ca5f5dd5ff7cd4c1c6b207569cce2c4706e0c22295afbd6a092"),
    ]
