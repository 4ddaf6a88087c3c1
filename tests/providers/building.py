"""Records, views and catalogs for tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from providers.catalog.records import ANTHROPIC, OPENAI_COMPATIBLE, ProviderRecord, RouteRecord, Want
from providers.routing import Router, View

CLAUDE = ProviderRecord(ANTHROPIC, ANTHROPIC, "https://a")


def compatible(name: str, *models: str, **fields: Any) -> ProviderRecord:
    return ProviderRecord(name, OPENAI_COMPATIBLE, f"https://{name}/v1", models=models, **fields)


def view(
    *providers: ProviderRecord,
    boot: ProviderRecord | None = CLAUDE,
    routes: Iterable[RouteRecord] = (),
    **fields: Any,
) -> View:
    records = {one.name: one for one in (CLAUDE, *providers)}
    return View(records, boot, tuple(sorted(routes, key=lambda row: row.order)), **fields)


def want(model: str | None, dialect: str = "anthropic", **fields: Any) -> Want:
    return Want(dialect, model, **fields)


def router(served: bool = True, lacks: bool = False) -> Router:
    return Router(lambda record: served, lambda record: lacks)
