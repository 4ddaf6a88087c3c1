"""Where people can sign in: at PUBLIC_URL, and without it on this machine only."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, RequestFactory

from gateway.signin.base import base_of

STRANGER, HERE = "203.0.113.9", "127.0.0.1"
PATHS = (
    ("get", "/.well-known/oauth-authorization-server"),
    ("post", "/oauth/device_authorization"),
    ("post", "/oauth/token"),
    ("post", "/oauth/revoke"),
    ("get", "/device"),
    ("post", "/device/deny"),
    ("get", "/login/"),
    ("post", "/logout/"),
)


@pytest.mark.parametrize(
    ("address", "headers", "base"),
    [
        (HERE, {"host": "127.0.0.1:8080"}, "http://127.0.0.1:8080"),
        (HERE, {"host": "localhost:8080"}, "http://localhost:8080"),
        ("::1", {"host": "[::1]:8080"}, "http://[::1]:8080"),
        (HERE, {"host": "evil.example"}, ""),
        (HERE, {"host": "127.0.0.1.evil.example"}, ""),
        (HERE, {"host": "127.0.0.1:8080", "x-forwarded-for": "1.2.3.4"}, ""),
        (STRANGER, {"host": "127.0.0.1:8080"}, ""),
    ],
)
def test_without_a_public_address(address: str, headers: dict[str, str], base: str, options: Any) -> None:
    options(PUBLIC_URL="")
    assert base_of(RequestFactory().get("/", REMOTE_ADDR=address, headers=headers)) == base


def test_the_public_address_stands_whatever_the_host_says(options: Any) -> None:
    options(PUBLIC_URL="https://gw.test/")
    request = RequestFactory().get("/", REMOTE_ADDR=STRANGER, headers={"host": "evil.example"})
    assert base_of(request) == "https://gw.test"


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_elsewhere_there_is_no_such_path(method: str, path: str, options: Any) -> None:
    options(PUBLIC_URL="")
    answer = getattr(Client(), method)(path, headers={"host": "gw.test"})
    assert answer.status_code == 404, path
    assert answer.json()["error"]["type"] == "not_found_error"
