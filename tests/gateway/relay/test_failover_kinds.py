"""A provider kind of its own: one class and one line of the table, and calls are served."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from providers import services
from providers.catalog.records import RouteRecord
from providers.catalog.store import record_of
from providers.dialects.types import WireRequest
from providers.drivers import table
from providers.drivers.openai_compatible import OpenAiCompatibleDriver
from providers.forms import ProviderForm
from providers.upstream import Upstream
from tests.gateway.relay.building import bench
from tests.gateway.relay.scripted import CHAT_ANSWER, Script, answer
from tests.principals import SOMEBODY


class TeamDriver(OpenAiCompatibleDriver):
    """Wants to know whose call it is."""

    kind = "team-cloud"
    label = "Team Cloud"
    words = ("team",)

    def headers(self, upstream: Upstream, request: WireRequest) -> list[tuple[bytes, bytes]]:
        return [*super().headers(upstream, request), (b"x-team", b"blue")]


@pytest.mark.django_db(transaction=True)
async def test_one_class_and_one_line_serve_calls(
    monkeypatch: pytest.MonkeyPatch, options: Any, tmp_path: Path
) -> None:
    options(DATA_DIR=tmp_path)
    monkeypatch.setattr(table, "KINDS", (*table.KINDS, TeamDriver))
    monkeypatch.setitem(table.DRIVERS, TeamDriver.kind, TeamDriver())
    fields = {"name": "t", "kind": "team", "base_url": "https://team.test/v1", "api_key": "sk-team-key"}
    await asyncio.to_thread(services.upsert, fields, principal=SOMEBODY)
    row = await asyncio.to_thread(services.get, "t")
    assert row.kind == "team-cloud"
    await asyncio.to_thread(row.full_clean)
    assert ("team-cloud", "Team Cloud") in list(ProviderForm().fields["kind"].choices)  # type: ignore[attr-defined]
    made = bench(
        Script(answer(200, CHAT_ANSWER)),
        providers=[record_of(row)],
        routes=[RouteRecord("claude-x", (("t", "m-1"),))],
    )
    exchange = await made.call()
    [sent] = made.script.requests
    assert (made.status, exchange.provider, json.loads(made.body)["type"]) == (200, "t", "message")
    assert (sent.url.host, sent.headers["x-team"]) == ("team.test", "blue")
    assert sent.headers["authorization"] == "Bearer sk-team-key"
