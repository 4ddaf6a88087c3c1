"""Requests to Anthropic: one credential in each, headers and paths as they came."""

from __future__ import annotations

import httpx
import pytest

from providers.dialects.types import WireRequest
from providers.drivers.anthropic import AnthropicDriver
from providers.errors import ForeignUrl
from providers.upstream import Credential, CredentialKind, Upstream

NOW = 1_800_000_000.0
DRIVER = AnthropicDriver()
OAUTH = Credential(CredentialKind.OAUTH, "sk-ant-oat01-o")
KEY = Credential(CredentialKind.API_KEY, "sk-ant-api03-k")
OLD = Credential(CredentialKind.OAUTH, "tok-of-the-reference")
HEADERS = (
    (b"content-type", b"application/json"),
    (b"anthropic-beta", b"first-2026-01-01, second-2026-01-01"),
    (b"x-twice", b"a"),
    (b"x-twice", b"b"),
    (b"anthropic-version", b"2026-10-21"),
    (b"anthropic-beta", b"third-2026-01-01"),
)


def upstream(credential: Credential, base_url: str = "https://api.example", **values: object) -> Upstream:
    return Upstream("anthropic", "anthropic", base_url, "primary", credential, **values)  # type: ignore[arg-type]


def built(
    credential: Credential, received: tuple[tuple[bytes, bytes], ...] = HEADERS, **values: object
) -> httpx.Request:
    request = WireRequest("POST", b"/v1/messages", b"beta=true", received, b"{}")
    return DRIVER.build(upstream(credential, **values), request, NOW)


def test_an_oauth_token_travels_as_bearer_with_the_beta_merged_in() -> None:
    assert built(OAUTH).headers.raw == [
        (b"content-type", b"application/json"),
        (b"anthropic-beta", b"first-2026-01-01, second-2026-01-01"),
        (b"x-twice", b"a"),
        (b"x-twice", b"b"),
        (b"anthropic-version", b"2026-10-21"),
        (b"anthropic-beta", b"third-2026-01-01,oauth-2025-04-20"),
        (b"authorization", b"Bearer sk-ant-oat01-o"),
    ]


def test_an_api_key_travels_as_x_api_key_and_leaves_the_betas_alone() -> None:
    assert built(KEY).headers.raw == [*HEADERS, (b"x-api-key", b"sk-ant-api03-k")]


def test_a_token_of_the_references_flat_files_is_a_plain_bearer() -> None:
    assert built(OLD).headers.raw == [*HEADERS, (b"authorization", b"Bearer tok-of-the-reference")]


def test_a_beta_that_is_there_is_not_added_again_and_a_missing_one_is() -> None:
    there = (
        (b"anthropic-version", b"v"),
        (b"anthropic-beta", b"x , oauth-2025-04-20"),
        (b"anthropic-beta", b"y"),
    )
    assert built(OAUTH, there).headers.raw[:3] == list(there)
    assert built(OAUTH, ()).headers.raw == [
        (b"anthropic-version", b"2023-06-01"),
        (b"anthropic-beta", b"oauth-2025-04-20"),
        (b"authorization", b"Bearer sk-ant-oat01-o"),
    ]


def test_no_second_credential_gets_through() -> None:
    sneaky = (
        (b"authorization", b"Bearer la_sk_x"),
        (b"x-api-key", b"la_sk_y"),
        (b"proxy-authorization", b"z"),
    )
    operators = {"X-Api-Key": "other", "Authorization": "other", "x-team": "blue"}
    names = [name for name, _ in built(KEY, sneaky, headers=operators).headers.raw]
    assert names == [b"x-team", b"anthropic-version", b"x-api-key"]


def test_no_credential_for_an_upstream_that_asks_for_none() -> None:
    assert built(Credential(CredentialKind.NONE, ""), ()).headers.raw == [
        (b"anthropic-version", b"2023-06-01")
    ]


def test_the_target_is_the_path_as_it_stood_under_the_bases_own() -> None:
    request = WireRequest("GET", b"/v1/files/a%3Ab//c", b"x=%20&y", (), b"")
    sent = DRIVER.build(upstream(KEY, "https://h:8443/prefix/", proxy="http://p:1"), request, NOW)
    assert sent.extensions == {"target": b"/prefix/v1/files/a%3Ab//c?x=%20&y", "proxy": "http://p:1"}
    assert (sent.url.scheme, sent.url.netloc, sent.method, sent.read()) == ("https", b"h:8443", "GET", b"")


@pytest.mark.parametrize("path", [b"", b"@evil/", b"https://evil/", b"evil"])
def test_a_path_never_moves_the_host(path: bytes) -> None:
    with pytest.raises(ForeignUrl):
        DRIVER.build(upstream(KEY), WireRequest("GET", path, b"", (), b""), NOW)


@pytest.mark.parametrize("base", ["ftp://h", "h", "https://user:pw@h", "https://"])
def test_a_base_url_is_http_and_bare(base: str) -> None:
    with pytest.raises(ForeignUrl):
        DRIVER.build(upstream(KEY, base), WireRequest("GET", b"/", b"", (), b""), NOW)
