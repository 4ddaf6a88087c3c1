"""The copy in memory: fresh after each change, and what it remembers about Responses."""

from __future__ import annotations

import pytest

from providers import changes, route_services, services
from providers.catalog.catalog import Catalog, Want
from providers.catalog.records import ANTHROPIC, ProviderRecord
from providers.catalog.store import Boot
from tests.principals import SOMEBODY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]
BOOT = Boot(ProviderRecord(ANTHROPIC, ANTHROPIC, "https://a"))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def served(catalog: Catalog, model: str = "m", dialect: str = "openai_responses") -> list[tuple[str, str]]:
    return [(one.provider.name, one.dialect) for one in catalog.routes(Want(dialect, model))]


def test_it_answers_before_any_row_was_read() -> None:
    assert served(Catalog(BOOT, lambda name: True), "claude-x", ANTHROPIC) == [(ANTHROPIC, ANTHROPIC)]


def test_changes_of_this_process_hold_at_once() -> None:
    catalog = Catalog(BOOT, lambda name: True)
    changes.on_change(catalog.apply_changes)
    try:
        services.upsert(
            {"name": "p", "base_url": "http://p", "models": ["m"], "responses": "native"}, principal=SOMEBODY
        )
        assert served(catalog) == [("p", "openai_responses")]
        route_services.upsert(
            {"model": "m", "provider": ANTHROPIC, "upstream_model": "claude-x"}, principal=SOMEBODY
        )
        assert served(catalog) == [(ANTHROPIC, ANTHROPIC)]
        route_services.remove("m", principal=SOMEBODY)
        services.disable("p", principal=SOMEBODY)
        assert served(catalog, "m", ANTHROPIC) == [(ANTHROPIC, ANTHROPIC)]
    finally:
        changes.forget(catalog.apply_changes)


def test_another_processs_changes_come_with_the_revision() -> None:
    catalog = Catalog(BOOT, lambda name: True)
    services.upsert(
        {"name": "p", "base_url": "http://p", "models": ["m"], "responses": "native"}, principal=SOMEBODY
    )
    assert catalog.revision == 0
    catalog.apply_changes()
    assert catalog.revision > 0 and served(catalog) == [("p", "openai_responses")]


def test_a_provider_without_responses_is_asked_again_after_an_hour() -> None:
    clock = Clock()
    catalog = Catalog(BOOT, lambda name: True, clock)
    services.upsert({"name": "p", "base_url": "http://p", "models": ["m"]}, principal=SOMEBODY)
    catalog.apply_changes()
    both = [("p", "openai_responses"), ("p", "openai_chat")]
    assert served(catalog) == both
    catalog.lacks(catalog.routes(Want("openai_responses", "m"))[0])
    assert served(catalog) == [("p", "openai_chat")]
    clock.now = 3599
    assert served(catalog) == [("p", "openai_chat")]
    clock.now = 3600
    assert served(catalog) == both
    catalog.lacks(catalog.routes(Want("openai_responses", "m"))[0])
    services.change("p", {"base_url": "http://moved"}, principal=SOMEBODY)
    catalog.apply_changes()
    assert served(catalog) == both  # another address, another provider


def test_accounts_or_a_key_decide_about_anthropics_names(monkeypatch: pytest.MonkeyPatch) -> None:
    services.upsert(
        {"name": "anthropic", "kind": "anthropic", "base_url": "https://a", "api_key_env": "KEY_OF_A"},
        principal=SOMEBODY,
    )
    monkeypatch.delenv("KEY_OF_A", raising=False)
    openai = ProviderRecord("boot", "openai-compatible", "http://b")
    catalog = Catalog(Boot(BOOT.anthropic, openai, "openai-compatible"), lambda name: False)
    catalog.load()
    assert served(catalog, "claude-x", ANTHROPIC) == [("boot", "openai_chat")]
    monkeypatch.setenv("KEY_OF_A", "k")
    assert served(catalog, "claude-x", ANTHROPIC) == [(ANTHROPIC, ANTHROPIC)]


def test_a_clear_is_told_once_in_every_process_and_forgets_what_was_learned() -> None:
    here, there = Catalog(BOOT, lambda name: True), Catalog(BOOT, lambda name: True)
    told: list[tuple[str, str]] = []
    here.on_cleared = lambda name: told.append(("here", name))
    there.on_cleared = lambda name: told.append(("there", name))
    services.upsert({"name": "p", "base_url": "http://p", "models": ["m"]}, principal=SOMEBODY)
    services.clear("p", principal=SOMEBODY)
    for catalog in (here, there):
        catalog.load()  # a process that starts holds nothing against anybody
    assert told == []
    here.lacks(here.routes(Want("openai_responses", "m"))[0])
    services.clear("p", principal=SOMEBODY)
    services.clear(ANTHROPIC, principal=SOMEBODY)
    for catalog in (here, there, here):
        catalog.apply_changes()
    assert sorted(told) == [(where, name) for where in ("here", "there") for name in (ANTHROPIC, "p")]
    assert served(here) == [("p", "openai_responses"), ("p", "openai_chat")]
    services.change("p", {"priority": 5}, principal=SOMEBODY)
    here.apply_changes()
    assert len(told) == 4
