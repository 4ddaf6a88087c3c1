"""The link on the terminal: while it is needed, at the address that people know."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from gateway.management import first_link
from tokens.people import first


@pytest.mark.django_db
def test_it_is_made_while_there_is_no_admin_and_a_page_for_it(options: Any) -> None:
    assert first.is_open(first_link.needed())
    options(DISABLE_CONSOLE=True)
    assert first_link.needed() == ""
    options(DISABLE_CONSOLE=False)
    User.objects.create_superuser("root")
    assert first_link.needed() == ""


@pytest.mark.parametrize(
    ("base", "public", "link"),
    [
        ("http://0.0.0.0:8080", "", "http://127.0.0.1:8080/setup/s"),
        ("http://[::]:1", "", "http://[::1]:1/setup/s"),
        ("http://0.0.0.0:8080", "https://gw.example.com", "https://gw.example.com/setup/s"),
    ],
)
def test_the_address(options: Any, base: str, public: str, link: str) -> None:
    options(PUBLIC_URL=public)
    assert first_link.address(base, "s") == link


def test_where_nobody_serves_the_options_say_it(options: Any) -> None:
    options(ROUTER_HOST="::1", ROUTER_PORT=9)
    assert first_link.usual() == "http://[::1]:9"
