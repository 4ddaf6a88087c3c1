"""`/v1/models` without sockets in front: what passes as it is, what is kept when a provider fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import msgspec
import pytest

from accounts.pool.pool import Pool, PoolOptions
from gateway.exchange.context import CallContext
from gateway.relay import models_list
from gateway.relay.models_list import ModelsList
from providers.catalog.catalog import Catalog
from providers.catalog.records import ANTHROPIC, OPENAI_COMPATIBLE, ProviderRecord, key_credential
from providers.catalog.store import Boot
from providers.client import Transport
from providers.drivers.table import DriverSet
from providers.sending import Sender
from tests.fakes.openai_vendor import KEY, OpenAiVendor
from tests.fakes.server import Answer
from tests.gateway.usage.contexts import context
from tokens.records import TokenRecord, unrecorded

TOKEN: TokenRecord = unrecorded("id", "", (0, 1))


def asked(path: bytes = b"/v1/models", dialect: str = "anthropic") -> CallContext:
    found = context("models")
    return msgspec.structs.replace(
        found, surface=replace(found.surface, dialect=dialect), path=path, token=TOKEN
    )


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport()
    yield made
    await made.aclose()


def listing(vendor: OpenAiVendor, transport: Transport) -> ModelsList:
    openai = ProviderRecord("boot", OPENAI_COMPATIBLE, f"{vendor.url}/v1", credential=key_credential(KEY))
    boot = Boot(ProviderRecord(ANTHROPIC, ANTHROPIC, "http://127.0.0.1:1"), openai, OPENAI_COMPATIBLE)
    return ModelsList(Catalog(boot, lambda name: False), Pool(PoolOptions()), Sender(DriverSet(transport)))


async def ids(models: ModelsList) -> list[str]:
    return [model.id for model in await models.merged(TOKEN)]


async def test_a_list_is_kept_and_the_last_known_one_serves(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenAiVendor() as vendor:
        models = listing(vendor, transport)
        assert await ids(models) == ["gpt-test"] == await ids(models)
        assert len(vendor.seen) == 1
        monkeypatch.setattr(models_list, "FRESH_SECONDS", 0.0)
        vendor.models = ["newer"]
        assert await ids(models) == ["newer"]
        vendor.say(Answer(500, [], [b""]), Answer(200, [], [b"<html>"]))
        assert await ids(models) == ["newer"]
        count = len(vendor.seen)
        assert await ids(models) == ["newer"] and len(vendor.seen) == count  # not asked again at once
        monkeypatch.setattr(models_list, "AFTER_FAILURE_SECONDS", 0.0)
        assert await ids(models) == ["newer"] and len(vendor.seen) == count + 1
        await models.aclose()


async def test_nothing_is_plain_while_the_boot_provider_has_models_of_its_own(transport: Transport) -> None:
    with OpenAiVendor() as vendor:
        assert not listing(vendor, transport).is_plain(asked())
    alone = ModelsList(
        Catalog(Boot(ProviderRecord(ANTHROPIC, ANTHROPIC, "http://a")), lambda name: True),
        Pool(PoolOptions()),
        Sender(DriverSet(transport)),
    )
    assert alone.is_plain(asked())
    for path in (b"/v1/models/a/b", b"/v1/models/..", b"/v1/models/%2e%2e"):
        assert not alone.is_plain(asked(path))
    assert not alone.is_plain(asked(dialect="openai_chat"))
