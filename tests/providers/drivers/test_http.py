"""What every kind over plain HTTP builds: a pinned host, a joined path, one credential."""

from __future__ import annotations

import httpx
import pytest

from providers.credentials.api_key import Bearer
from providers.dialects.types import WireRequest
from providers.drivers.http import HttpDriver, base_of
from providers.errors import ForeignUrl
from providers.upstream import Credential, CredentialKind, Upstream


class Plain(HttpDriver):
    """A kind that says no more than it must."""

    strategies = {CredentialKind.API_KEY: Bearer()}

    def headers(self, upstream: Upstream, request: WireRequest) -> list[tuple[bytes, bytes]]:
        return list(request.headers)


def built(base_url: str, path: bytes, query: bytes = b"", kind: CredentialKind = CredentialKind.API_KEY):
    upstream = Upstream("p", "plain", base_url, "", Credential(kind, "the-key"))
    return Plain().build(upstream, WireRequest("POST", path, query, ((b"x-a", b"1"),), b"{}"), 0.0)


def test_the_base_s_own_path_goes_first_and_the_query_last() -> None:
    request = built("https://u.test:8443/base", b"/v1/x", b"a=b")
    assert request.extensions["target"] == b"/base/v1/x?a=b"
    assert (request.url.scheme, request.url.host, request.url.port) == ("https", "u.test", 8443)
    assert request.headers["authorization"] == "Bearer the-key" and request.headers["x-a"] == "1"


def test_a_credential_of_a_kind_without_a_strategy_stays_here() -> None:
    assert "authorization" not in built("https://u.test", b"/v1/x", kind=CredentialKind.AWS).headers


@pytest.mark.parametrize("url", ["ftp://u.test", "https://", "https://user:pw@u.test"])
def test_a_base_pins_scheme_and_host(url: str) -> None:
    with pytest.raises(ForeignUrl):
        base_of(url)


def test_a_path_can_t_name_another_host() -> None:
    with pytest.raises(ForeignUrl):
        built("https://u.test", b"@evil.test/v1/x")
    assert base_of("https://u.test/base/?x=1") == (httpx.URL("https://u.test/base/?x=1"), b"/base")
