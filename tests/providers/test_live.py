"""Which catalog is shown: the serving one, else one made for the occasion, which knows accounts by asking."""

from __future__ import annotations

from typing import Any

import pytest

from accounts import services as accounts
from providers import live, services
from providers.catalog import Catalog
from providers.records import ANTHROPIC, OPENAI_COMPATIBLE, ProviderRecord, Want
from providers.store import Boot

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]


def test_the_serving_catalog_is_brought_up_to_date_first() -> None:
    catalog = Catalog(Boot(ProviderRecord(ANTHROPIC, ANTHROPIC, "https://a")), lambda name: True)
    live.use(catalog)
    try:
        services.upsert({"name": "p", "base_url": "http://p"})
        assert live.catalog_to_show() is catalog and "p" in catalog.view.providers
    finally:
        live.forget(catalog)
    live.forget(catalog)
    assert live.catalog_to_show() is not catalog


def test_a_process_that_serves_nothing_asks_for_accounts(settings: Any) -> None:
    settings.UPSTREAM_PROVIDER = OPENAI_COMPATIBLE
    want = Want(ANTHROPIC, "claude-x")
    assert live.catalog_to_show().routes(want)[0].provider.name == "litellm"
    accounts.add({"name": "one", "source": "api_key", "secret": "sk-ant-api03-x"})
    assert live.catalog_to_show().routes(want)[0].provider.name == ANTHROPIC
