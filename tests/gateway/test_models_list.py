"""`/v1/models` without sockets in front: shapes, pages, what is kept when a provider fails."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.pool import Pool, PoolOptions
from gateway import models_list
from gateway.models_list import ModelsList, in_callers_dialect, page
from gateway.surfaces import SURFACES
from providers.catalog import Catalog
from providers.client import Transport
from providers.dialects.types import Refused
from providers.records import ANTHROPIC, OPENAI_COMPATIBLE, ProviderRecord, key_credential
from providers.store import Boot
from tests.fakes.openai_vendor import KEY, OpenAiVendor
from tests.fakes.server import Answer
from tokens.records import TokenRecord, unrecorded

MODELS = next(row for row in SURFACES if row.name == "models")
TOKEN: TokenRecord = unrecorded("id", "", (0, 1))


@pytest.mark.parametrize(
    ("headers", "dialect"),
    [
        (((b"authorization", b"Bearer x"),), "openai_chat"),
        (((b"x-api-key", b"x"),), "anthropic"),
        (((b"authorization", b"Bearer x"), (b"anthropic-version", b"2023-06-01")), "anthropic"),
        ((), "openai_chat"),
    ],
)
def test_the_caller_decides_about_the_shape(headers: tuple[tuple[bytes, bytes], ...], dialect: str) -> None:
    assert in_callers_dialect(MODELS, headers).dialect == dialect


names = st.lists(st.sampled_from("abcdefghijkl"), unique=True)


@given(names, st.integers(1, 12))
def test_pages_put_together_are_the_list(ids: list[str], limit: int) -> None:
    whole = [{"id": one} for one in ids]
    seen: list[object] = []
    query = b"limit=%d" % limit
    while True:
        part = page(list(whole), query)
        seen += part["data"]  # type: ignore[operator]
        if not part["has_more"]:
            break
        query = b"limit=%d&after_id=%s" % (limit, str(part["last_id"]).encode())
    assert seen == whole
    assert page([], b"") == {"data": [], "has_more": False, "first_id": None, "last_id": None}


@given(names, st.integers(1, 12), st.data())
def test_pages_before_an_id_end_there(ids: list[str], limit: int, data: st.DataObject) -> None:
    if not ids:
        return
    mark = data.draw(st.sampled_from(ids))
    part = page([{"id": one} for one in ids], b"limit=%d&before_id=%s" % (limit, mark.encode()))
    before = ids[: ids.index(mark)]
    assert [one["id"] for one in part["data"]] == before[-limit:]  # type: ignore[attr-defined]
    assert part["has_more"] is (len(before) > limit)


@pytest.mark.parametrize(
    "query", [b"limit=0", b"limit=1001", b"limit=-1", b"limit=x", b"after_id=z", b"before_id=z"]
)
def test_pages_that_make_no_sense(query: bytes) -> None:
    with pytest.raises(Refused):
        page([{"id": "a"}], query)


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    made = Transport()
    yield made
    await made.aclose()


def listing(vendor: OpenAiVendor, transport: Transport) -> ModelsList:
    openai = ProviderRecord("boot", OPENAI_COMPATIBLE, f"{vendor.url}/v1", credential=key_credential(KEY))
    boot = Boot(ProviderRecord(ANTHROPIC, ANTHROPIC, "http://127.0.0.1:1"), openai, OPENAI_COMPATIBLE)
    return ModelsList(Catalog(boot, lambda name: False), Pool(PoolOptions()), transport)


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
        assert not listing(vendor, transport).is_plain(MODELS, b"/v1/models", TOKEN)
    alone = ModelsList(
        Catalog(Boot(ProviderRecord(ANTHROPIC, ANTHROPIC, "http://a")), lambda name: True),
        Pool(PoolOptions()),
        transport,
    )
    assert alone.is_plain(MODELS, b"/v1/models", TOKEN)
    for path in (b"/v1/models/a/b", b"/v1/models/..", b"/v1/models/%2e%2e"):
        assert not alone.is_plain(MODELS, path, TOKEN)
    assert not alone.is_plain(in_callers_dialect(MODELS, ()), b"/v1/models", TOKEN)
