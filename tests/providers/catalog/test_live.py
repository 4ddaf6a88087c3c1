"""The catalog that is shown: the serving one, else one made for the occasion."""

from __future__ import annotations

from typing import Any

import pytest

from accounts import services as accounts
from gateway.kernel.parts import PARTS
from providers import services
from providers.catalog import live
from providers.catalog.catalog import Catalog
from providers.catalog.records import ANTHROPIC, OPENAI_COMPATIBLE, ProviderRecord, Want
from providers.catalog.store import Boot
from tests.principals import SOMEBODY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]


def test_the_serving_catalog_is_brought_up_to_date_first() -> None:
    catalog = Catalog(Boot(ProviderRecord(ANTHROPIC, ANTHROPIC, "https://a")), lambda name: True)
    PARTS.put(live.CATALOG, catalog)
    try:
        services.upsert({"name": "p", "base_url": "http://p"}, principal=SOMEBODY)
        assert live.catalog_to_show() is catalog and "p" in catalog.view.providers
    finally:
        PARTS.drop(live.CATALOG, catalog)
    PARTS.drop(live.CATALOG, catalog)
    assert live.catalog_to_show() is not catalog


def test_a_process_that_serves_nothing_asks_for_accounts(options: Any) -> None:
    options(UPSTREAM_PROVIDER=OPENAI_COMPATIBLE)
    want = Want(ANTHROPIC, "claude-x")
    assert live.catalog_to_show().routes(want)[0].provider.name == "litellm"
    accounts.add({"name": "one", "source": "api_key", "secret": "sk-ant-api03-x"}, principal=SOMEBODY)
    assert live.catalog_to_show().routes(want)[0].provider.name == ANTHROPIC
