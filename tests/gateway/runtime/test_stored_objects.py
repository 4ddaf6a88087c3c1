"""How a caller reached us, so that addresses lead there again."""

from typing import Any

import pytest

from gateway.exchange.downstream import Request
from gateway.runtime import stored_objects
from providers.catalog.catalog import Catalog
from providers.catalog.store import Boot
from tests.gateway.relay.building import CLAUDE


def test_objects_are_kept_apart_unless_they_are_everybodys(options: Any) -> None:
    catalog = Catalog(Boot(CLAUDE), lambda provider: True)
    assert stored_objects.made(options(), None, catalog) is not None
    assert stored_objects.made(options(STORED_OBJECTS="shared"), None, catalog) is None


@pytest.mark.parametrize(
    ("changes", "headers", "base"),
    [
        ({}, (), "http://gw.test:8080"),
        ({}, ((b"x-forwarded-proto", b"https"),), "http://gw.test:8080"),
        ({"TRUSTED_PROXIES": ("127.0.0.0/8",)}, ((b"x-forwarded-proto", b"https"),), "https://gw.test:8080"),
        (
            {"TRUSTED_PROXIES": ("127.0.0.0/8",)},
            ((b"x-forwarded-proto", b"https"), (b"x-forwarded-host", b"public.test")),
            "https://public.test",
        ),
        ({"ACTIVITYPUB_ACTOR_BASE_URL": "https://gw.test:8080"}, (), "https://gw.test:8080"),
        ({"ACTIVITYPUB_ACTOR_BASE_URL": "https://other.test"}, (), "http://gw.test:8080"),
        (
            {"TRUSTED_PROXIES": ("127.0.0.0/8",)},
            ((b"x-forwarded-proto", b"javascript"),),
            "http://gw.test:8080",
        ),
    ],
)
def test_addresses_lead_where_the_caller_reached_us(
    options: Any, changes: dict[str, object], headers: tuple[tuple[bytes, bytes], ...], base: str
) -> None:
    request = Request("GET", b"/v1/files", b"", ((b"host", b"gw.test:8080"), *headers), "127.0.0.1")
    stored_objects.guards.gate.cache_clear()
    assert stored_objects.base_of(options(**changes))(request) == base
    stored_objects.guards.gate.cache_clear()
