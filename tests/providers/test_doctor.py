"""What `doctor` says about each way a provider can be."""

from __future__ import annotations

from typing import Any

import pytest

from providers import services
from providers.doctor import doctor_lines
from providers.findings import Finding
from providers.models import Provider
from tests.fakes.openai_vendor import KEY, OpenAiVendor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]
PLACE = "openai-compatible at http://p/v1"


def lines(online: bool = False) -> list[Finding]:
    return list(doctor_lines(online))


@pytest.mark.parametrize(
    ("values", "words", "is_problem"),
    [
        ({}, "enabled, no key of its own", False),
        ({"api_key": "CANARY"}, "enabled, key stored", False),
        ({"api_key_env": "HERE"}, "enabled, key in HERE", False),
        ({"api_key": "CANARY", "api_key_env": "HERE"}, "enabled, key in HERE", False),
        ({"api_key": "CANARY", "api_key_env": "GONE"}, "enabled, key stored", False),
        ({"api_key_env": "GONE"}, "enabled, NO KEY: GONE is not set", True),
        ({"encrypted_api_key": "garbage"}, "enabled, KEY UNREADABLE", True),
        ({"encrypted_api_key": "garbage", "enabled": False}, "disabled, KEY UNREADABLE", False),
    ],
    ids=str,
)
def test_each_way_to_have_a_key(
    values: dict[str, Any], words: str, is_problem: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERE", "CANARY")
    services.upsert({"name": "p", "base_url": "http://p/v1", **values})
    assert lines() == [Finding("provider p", f"{PLACE} ({words})", is_problem)]
    assert str(lines()[0]).startswith("provider p             : openai")


def test_headers_that_do_not_open_are_a_problem() -> None:
    services.upsert({"name": "p", "base_url": "http://p/v1", "headers": {"x-a": "CANARY"}})
    assert not lines()[0].is_problem
    Provider.objects.update(encrypted_headers="garbage")
    (found,) = lines()
    assert found.is_problem and "HEADERS UNREADABLE" in found.text


def test_the_provider_of_the_settings_is_looked_at_when_it_may_serve(settings: Any) -> None:
    assert lines() == []
    settings.UPSTREAM_PROVIDER = "openai-compatible"
    settings.OPENAI_COMPATIBLE_PROVIDER_NAME = "litellm"
    settings.OPENAI_COMPATIBLE_BASE_URL = "http://l/v1"
    (found,) = lines()
    assert found.text == "openai-compatible at http://l/v1, from the settings (enabled, no key of its own)"
    services.upsert({"name": "litellm", "base_url": "http://p/v1"})
    assert [line.text for line in lines()] == [f"{PLACE} (enabled, no key of its own)"]


def test_online_each_enabled_one_with_a_key_is_asked() -> None:
    with OpenAiVendor() as vendor:
        vendor.models = ["a", "b"]
        services.upsert({"name": "good", "base_url": vendor.url, "api_key": KEY})
        services.upsert({"name": "wrong", "base_url": vendor.url, "api_key": "wrong"})
        services.upsert({"name": "off", "base_url": vendor.url, "api_key": KEY, "enabled": False})
        services.upsert({"name": "its-accounts", "kind": "anthropic", "base_url": vendor.url})
        good, wrong = [line for line in lines(online=True) if line.label.startswith("online")]
    assert (good.label, good.is_problem) == ("online good", False)
    assert good.text.startswith("200, reachable, 2 models (")
    assert (wrong.label, wrong.is_problem) == ("online wrong", True) and wrong.text.startswith("401, ")
    away = next(line for line in lines(online=True) if line.label == "online good")
    assert away.is_problem and away.text.startswith("no answer: ConnectError (")


def test_a_database_that_cannot_be_read_is_not_asked(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert list(doctor_lines(False, [])) == []
