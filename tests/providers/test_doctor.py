"""The lines of `doctor` about each state that a provider can be in."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.kernel.findings import Finding
from providers import services
from providers.doctor import doctor_lines
from providers.models import Provider
from tests.fakes.openai_vendor import KEY, OpenAiVendor
from tests.principals import SOMEBODY

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
    services.upsert({"name": "p", "base_url": "http://p/v1", **values}, principal=SOMEBODY)
    assert lines() == [Finding("provider p", f"{PLACE} ({words})", is_problem)]
    assert str(lines()[0]).startswith("provider p             : openai")


def test_callers_that_bring_their_own_login_need_no_key() -> None:
    row = {"name": "p", "base_url": "http://p", "kind": "anthropic", "login": "caller"}
    services.upsert(row, principal=SOMEBODY)
    assert "(enabled, each caller's own login)" in lines()[0].text and not lines()[0].is_problem


def test_headers_that_do_not_open_are_a_problem() -> None:
    services.upsert(
        {"name": "p", "base_url": "http://p/v1", "headers": {"x-a": "CANARY"}}, principal=SOMEBODY
    )
    assert not lines()[0].is_problem
    Provider.objects.update(encrypted_headers="garbage")
    (found,) = lines()
    assert found.is_problem and "HEADERS UNREADABLE" in found.text


def test_the_provider_of_the_settings_is_looked_at_when_it_may_serve(options: Any) -> None:
    assert lines() == []
    options(
        UPSTREAM_PROVIDER="openai-compatible",
        OPENAI_COMPATIBLE_PROVIDER_NAME="litellm",
        OPENAI_COMPATIBLE_BASE_URL="http://l/v1",
    )
    (found,) = lines()
    assert found.text == "openai-compatible at http://l/v1, from the settings (enabled, no key of its own)"
    services.upsert({"name": "litellm", "base_url": "http://p/v1"}, principal=SOMEBODY)
    assert [line.text for line in lines()] == [f"{PLACE} (enabled, no key of its own)"]


def test_online_each_enabled_one_with_a_key_is_asked() -> None:
    with OpenAiVendor() as vendor:
        vendor.models = ["a", "b"]
        services.upsert({"name": "good", "base_url": vendor.url, "api_key": KEY}, principal=SOMEBODY)
        services.upsert({"name": "wrong", "base_url": vendor.url, "api_key": "wrong"}, principal=SOMEBODY)
        services.upsert(
            {"name": "off", "base_url": vendor.url, "api_key": KEY, "enabled": False}, principal=SOMEBODY
        )
        services.upsert(
            {"name": "its-accounts", "kind": "anthropic", "base_url": vendor.url}, principal=SOMEBODY
        )
        good, wrong = [line for line in lines(online=True) if line.label.startswith("online")]
    assert (good.label, good.is_problem) == ("online good", False)
    assert good.text.startswith("200, reachable, 2 models (")
    assert (wrong.label, wrong.is_problem) == ("online wrong", True) and wrong.text.startswith("401, ")
    away = next(line for line in lines(online=True) if line.label == "online good")
    assert away.is_problem and away.text.startswith("no answer: ConnectError (")


def test_whom_a_private_key_makes_us_is_told_and_one_that_is_none(
    monkeypatch: pytest.MonkeyPatch, options: Any
) -> None:
    row = {"name": "g", "kind": "gonka", "base_url": "http://g", "options": {"mode": "signed"}}
    services.upsert({**row, "api_key": "11" * 32}, principal=SOMEBODY)
    monkeypatch.setenv("HERE", "CANARY")
    services.upsert({**row, "name": "h", "api_key_env": "HERE"}, principal=SOMEBODY)
    good, bad = lines()
    address = "gonka1l3e9pgs3mmwuwrh95fecme0s0qtn2880el49wm"
    assert good.text == f"gonka at http://g (enabled, key stored, signs as {address})" and not good.is_problem
    assert "KEY OF NO USE" in bad.text and "CANARY" not in bad.text and bad.is_problem
    options(UPSTREAM_PROVIDER="gonka", GONKA_MODE="signed", GONKA_PRIVATE_KEY="0x" + "11" * 32)
    assert any("from the settings" in line.text and address in line.text for line in lines())


def test_a_database_that_cannot_be_read_is_not_asked(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert list(doctor_lines(False, [])) == []
