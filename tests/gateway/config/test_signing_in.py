"""What the options of signing in may be."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config import signing_in


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("https://gw.example.com", True),
        ("https://gw.example.com/", True),
        ("https://gw.example.com:8443", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost:8080", True),
        ("http://[::1]:8080", True),
        ("http://gw.example.com", False),
        ("http://192.168.1.2", False),
        ("https://gw.example.com/llm", False),
        ("https://user@gw.example.com", False),
        ("https://gw.example.com?a", False),
        ("https://gw.example.com:x", False),
        ("ftp://gw.example.com", False),
        ("gw.example.com", False),
        (" https://gw.example.com", False),
    ],
)
def test_the_public_address(url: str, is_good: bool) -> None:
    if is_good:
        signing_in.check_public_url(url)
    else:
        with pytest.raises(ValueError):
            signing_in.check_public_url(url)


def test_a_notice_is_short_plain_text() -> None:
    signing_in.check_notice("x" * 500 + "")
    signing_in.check_notice("Two\nlines, and ü")
    for wrong in ("x" * 501, "\x1b[31mred"):
        with pytest.raises(ValueError):
            signing_in.check_notice(wrong)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, ""),
        ({"OIDC_ISSUER": "https://id.test"}, "OIDC_CLIENT_ID and OIDC_CLIENT_SECRET must be set"),
        ({"OIDC_ROLES": ("ops team=operator", "a=b=admin")}, ""),
        ({"OIDC_ROLES": ("ops=chief",)}, "OIDC_ROLES must be a list of group=role"),
        ({"OIDC_ROLES": ("=admin",)}, "OIDC_ROLES must be a list of group=role"),
        ({"OIDC_ROLES": ("admin",)}, "OIDC_ROLES must be a list of group=role"),
        ({"OIDC_CLIENT_SECRET": "s"}, "OIDC_ISSUER and OIDC_CLIENT_ID must be set"),
        ({"OIDC_ISSUER": "https://id.test", "OIDC_CLIENT_ID": "c", "OIDC_CLIENT_SECRET": "s"}, ""),
        (
            {
                "OIDC_ISSUER": "https://id",
                "OIDC_CLIENT_ID": "c",
                "OIDC_CLIENT_SECRET": "s",
                "OIDC_SCOPES": "email",
            },
            "OIDC_SCOPES must name openid",
        ),
    ],
)
def test_an_issuer_needs_all_or_nothing(options: Any, values: dict[str, str], found: str) -> None:
    problems = list(signing_in.problems(options(**values)))
    assert [found in problem for problem in problems] == ([True] if found else [])
