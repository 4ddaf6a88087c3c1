"""The order of keys, and the matching of route patterns, which carry names over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from providers.catalog.records import RouteRecord, key_credential
from providers.drivers.base import NO_CREDENTIAL
from providers.upstream import CredentialKind
from tests.providers.building import CLAUDE, compatible


def test_the_variable_goes_before_a_stored_key_and_is_read_at_each_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = compatible("p", credential=key_credential("stored"), api_key_env="PROVIDER_KEY_X")
    monkeypatch.delenv("PROVIDER_KEY_X", raising=False)
    assert record.own_credential() == key_credential("stored")
    monkeypatch.setenv("PROVIDER_KEY_X", "")
    assert record.own_credential() == key_credential("stored")
    monkeypatch.setenv("PROVIDER_KEY_X", "named")
    assert record.own_credential() == key_credential("named")
    assert replace(record, is_key_unreadable=True, credential=None).own_credential() == key_credential(
        "named"
    )


def test_of_the_settings_provider_the_given_key_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDER_KEY_X", "named")
    record = compatible(
        "p", credential=key_credential("given"), api_key_env="PROVIDER_KEY_X", is_stored_first=True
    )
    assert record.own_credential() == key_credential("given")
    assert replace(record, credential=None).own_credential() == key_credential("named")


def test_without_a_key() -> None:
    assert compatible("p").own_credential() is NO_CREDENTIAL
    assert compatible("p", is_key_unreadable=True).own_credential() is None
    assert CLAUDE.own_credential() is None


def test_kinds_of_keys_and_their_silence() -> None:
    assert key_credential("sk-ant-oat01-x").kind is CredentialKind.OAUTH
    assert key_credential("sk-x").kind is CredentialKind.API_KEY
    record = compatible("p", credential=key_credential("CANARY"), headers={"x-key": "CANARY"})
    assert "CANARY" not in repr(record)


@pytest.mark.parametrize(
    ("pattern", "upstream", "asked", "sent"),
    [
        ("m", "", "m", None),
        ("m", "real", "m", "real"),
        ("m", "a*b", "m", "a*b"),
        ("or/*", "*", "or/kimi/k2", "kimi/k2"),
        ("*-fast", "x-*", "m-fast", "x-m"),
        ("*", "p/*", "m", "p/m"),
        ("a*b*", "*", "axbx", "xbx"),
    ],
)
def test_names_upstream(pattern: str, upstream: str, asked: str, sent: str | None) -> None:
    row = RouteRecord(pattern, (("p", upstream),))
    assert row.matches(asked)
    assert row.target(upstream, asked) == sent


def test_names_without_a_star_match_exactly() -> None:
    assert not RouteRecord("gpt-[4]", ()).matches("gpt-4")
    assert not RouteRecord("GPT", ()).matches("gpt")
    assert not RouteRecord("gpt-*", ()).matches("GPT-4")
