"""One view from settings and rows: what a row takes the place of, and what a disabled one leaves."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from providers import services
from providers.catalog import store
from providers.catalog.records import OPENAI_COMPATIBLE, ProviderRecord
from providers.gonka.modes import REFERENCE_MODEL
from providers.models import ModelMap
from providers.routing import View
from tests.principals import SOMEBODY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]


@pytest.fixture
def boot(options: Any) -> Any:
    def make(kind: str = OPENAI_COMPATIBLE, **values: Any) -> store.Boot:
        options(UPSTREAM_PROVIDER=kind, **values)
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
    services.upsert({"name": "litellm", "base_url": "http://row", "api_key": "row-key"}, principal=SOMEBODY)
    made = boot(OPENAI_COMPATIBLE_API_KEY="k", OPENAI_COMPATIBLE_MODELS=("x",))
    record = last(seen(made))
    assert (record.base_url, record.models) == ("http://row", ())
    assert record.credential is not None and record.credential.secret == "row-key"
    services.disable("litellm", principal=SOMEBODY)
    assert last(seen(made)).base_url == "http://localhost:4000/v1"


def test_a_row_named_anthropic_takes_its_place_and_may_take_it_out(boot: Any) -> None:
    services.upsert(
        {"name": "anthropic", "kind": "anthropic", "base_url": "https://proxy"}, principal=SOMEBODY
    )
    made = boot("anthropic")
    assert last(seen(made)).base_url == "https://proxy"
    services.disable("anthropic", principal=SOMEBODY)
    view = seen(made)
    assert view.boot is None and "anthropic is disabled" in view.boot_problem


@pytest.mark.parametrize(
    ("values", "url", "key", "model", "models"),
    [
        ({}, "https://node4.gonka.ai", "any text", REFERENCE_MODEL, (REFERENCE_MODEL,)),
        ({"GONKA_MODEL": ""}, "https://node4.gonka.ai", "any text", "", ()),
        ({"GONKA_MODE": "signed", "GONKA_SOURCE_URL": "http://n/"}, "http://n", "any text", "", ()),
        ({"GONKA_MODE": "signed", "GONKA_MODEL": "m"}, "https://node4.gonka.ai", "any text", "m", ()),
        ({"GONKA_BROKER_URL": "https://b/v1", "GONKA_BROKER_API_KEY": "k"}, "https://b/v1", "k", "", ()),
    ],
)
def test_gonka_as_the_settings_have_it(
    boot: Any, values: dict[str, str], url: str, key: str, model: str, models: tuple[str, ...]
) -> None:
    record = last(seen(boot("gonka", GONKA_PRIVATE_KEY="any text", **values)))
    credential = record.own_credential()
    assert credential is not None and (record.name, record.base_url, credential.secret) == ("gonka", url, key)
    assert (record.default_model, record.models) == (model, models)
    assert (record.responses == "native") is (record.options["mode"] == "reference")
    assert "gonka" not in seen(boot("anthropic", **values)).providers


def test_a_row_named_gonka_takes_the_settings_place(boot: Any) -> None:
    services.upsert(
        {"name": "gonka", "kind": "gonka", "base_url": "https://row", "api_key": "k"}, principal=SOMEBODY
    )
    record = last(seen(boot("gonka", GONKA_PRIVATE_KEY="x")))
    assert (record.base_url, record.options) == ("https://row", {})


def test_the_tracker_of_the_settings_is_taken_as_it_is_written(boot: Any) -> None:
    record = last(
        seen(boot("crater", CRATER_FORGEFED_INBOX="https://t/inbox/", CRATER_POLL_TIMEOUT_SECS=700))
    )
    assert (record.kind, record.base_url, record.models) == (
        "crater",
        "https://t/inbox/",
        ("crater-forgefed",),
    )
    assert record.options == {"target": "", "poll_interval_ms": "1000", "poll_timeout_seconds": "700"}
    assert (record.timeouts.first_byte_seconds or 0) > 700
    assert record.own_credential() is not None, "it needs none"


def test_the_seeded_model_map(boot: Any) -> None:
    # A transactional test has emptied it.
    import_module("providers.migrations.0002_model_map").seed(apps, None)
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
    , principal=SOMEBODY)  # fmt: skip
    record = seen(boot("anthropic")).providers["p"]
    assert (record.priority, record.responses, record.headers) == (3, "native", {"x-a": "b"})
    limits = record.timeouts
    assert (limits.connect_seconds, limits.first_byte_seconds, limits.idle_seconds) == (1, 2, 3)
