"""From settings and rows to one view: what a row takes the place of, and what a disabled one leaves."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from providers import services, store
from providers.models import ModelMap
from providers.records import OPENAI_COMPATIBLE, ProviderRecord
from providers.routing import View

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]


@pytest.fixture
def boot(settings: Any) -> Any:
    def make(kind: str = OPENAI_COMPATIBLE, **values: Any) -> store.Boot:
        settings.UPSTREAM_PROVIDER = kind
        for name, value in values.items():
            setattr(settings, name, value)
        return store.boot_from_settings()

    return make


def seen(boot: store.Boot) -> View:
    return store.view_of(boot, store.read()[1])


def last(view: View) -> ProviderRecord:
    assert view.boot is not None
    return view.boot


def test_the_settings_alone(boot: Any) -> None:
    made = boot(
        OPENAI_COMPATIBLE_BASE_URL="http://h/v1/", OPENAI_COMPATIBLE_API_KEY="k", OPENAI_COMPATIBLE_MODEL="m"
    )
    view = seen(made)
    assert sorted(view.providers) == ["anthropic", "litellm"]
    assert (last(view).base_url, last(view).default_model) == ("http://h/v1", "m")
    credential = last(view).own_credential()
    assert credential is not None and credential.secret == "k"
    view = seen(boot("anthropic"))
    assert sorted(view.providers) == ["anthropic"] and last(view).name == "anthropic"


def test_a_stored_provider_of_that_name_takes_the_settings_place_unless_disabled(boot: Any) -> None:
    services.upsert({"name": "litellm", "base_url": "http://row", "api_key": "row-key"})
    made = boot(OPENAI_COMPATIBLE_API_KEY="k", OPENAI_COMPATIBLE_MODELS=("x",))
    record = last(seen(made))
    assert (record.base_url, record.models) == ("http://row", ())
    assert record.credential is not None and record.credential.secret == "row-key"
    services.disable("litellm")
    assert last(seen(made)).base_url == "http://localhost:4000/v1"


def test_a_row_named_anthropic_takes_its_place_and_may_take_it_out(boot: Any) -> None:
    services.upsert({"name": "anthropic", "kind": "anthropic", "base_url": "https://proxy"})
    made = boot("anthropic")
    assert last(seen(made)).base_url == "https://proxy"
    services.disable("anthropic")
    view = seen(made)
    assert view.boot is None and "anthropic is disabled" in view.boot_problem


def test_kinds_that_can_not_be_served_say_so(boot: Any) -> None:
    view = seen(boot("gonka"))
    assert view.boot is None and "UPSTREAM_PROVIDER=gonka" in view.boot_problem


def test_the_seeded_model_map(boot: Any) -> None:
    import_module("providers.migrations.0002_model_map").seed(
        apps, None
    )  # a transactional test has emptied it
    view = seen(boot())
    assert view.mapped("gpt-4o-mini") == view.mapped("gpt-4-mini") == "claude-haiku-4-5-20251001"
    assert {view.mapped(name) for name in ("o1", "o1-pro", "o3", "o4", "GPT-5")} == {"claude-opus-4-7"}
    names = (
        "gpt-4",
        "gpt-4-turbo",
        "gpt-4o",
        "gpt-4.1",
        "gpt-5-mini",
        "gpt-5.1",
        "o1-mini",
        "o3-mini",
        "o4-mini",
    )
    assert {view.mapped(name) for name in names} == {"claude-sonnet-4-5-20250929"}
    assert view.mapped("gpt-5.2-codex") == view.mapped("gpt-4o-2024-08-06") == "claude-sonnet-4-5-20250929"
    assert ModelMap.objects.get(pattern="*").position > 200


def test_timeouts_priority_and_headers_reach_the_record(boot: Any) -> None:
    services.upsert(
        {
            "name": "p", "base_url": "http://p", "priority": 3, "responses": "native", "headers": {"x-a": "b"},
            "connect_timeout_seconds": 1, "first_byte_timeout_seconds": 2, "idle_timeout_seconds": 3,
        }
    )  # fmt: skip
    record = seen(boot("anthropic")).providers["p"]
    assert (record.priority, record.responses, record.headers) == (3, "native", {"x-a": "b"})
    limits = record.timeouts
    assert (limits.connect_seconds, limits.first_byte_seconds, limits.idle_seconds) == (1, 2, 3)
