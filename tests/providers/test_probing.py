"""Asking a provider for its models: good answers, refusals, silence, redirects."""

from __future__ import annotations

import pytest

from providers import services
from providers.errors import UnknownProvider
from providers.probing import probe
from tests.fakes.openai_vendor import KEY, OpenAiVendor
from tests.fakes.server import Answer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]


def test_the_models_are_told() -> None:
    with OpenAiVendor() as vendor:
        vendor.models = ["b", "a"]
        services.upsert({"name": "p", "base_url": vendor.url, "api_key": KEY, "headers": {"x-a": "b"}})
        result = probe("p")
        assert (result.is_ok, result.status, result.models) == (True, 200, ("b", "a"))
        assert (vendor.last.target, vendor.last.get("x-a")) == (b"/v1/models", b"b")
        assert vendor.last.get("host") == f"127.0.0.1:{vendor.port}".encode()


def test_what_is_no_list_is_no_success() -> None:
    with OpenAiVendor() as vendor:
        services.upsert({"name": "p", "base_url": vendor.url, "api_key": "wrong"})
        assert probe("p").status == 401
        services.change("p", {"api_key": KEY})
        vendor.say(Answer(302, [("location", vendor.url)], [b""]), Answer(200, [], [b"<html>"]))
        assert [(probe("p").is_ok, len(vendor.seen)) for _ in range(2)] == [(False, 2), (False, 3)]


def test_silence_and_missing_keys_are_told() -> None:
    services.upsert({"name": "p", "base_url": "http://127.0.0.1:1"})
    away = probe("p")
    assert (away.status, away.message, away.told) == (
        None,
        "no answer: ConnectError",
        "no answer: ConnectError",
    )
    services.upsert({"name": "q", "kind": "anthropic", "base_url": "http://127.0.0.1:1"})
    assert "no key of its own" in probe("q").message
    services.upsert({"name": "r", "base_url": "http://127.0.0.1:1", "encrypted_api_key": "garbage"})
    assert "does not open" in probe("r").message
    with pytest.raises(UnknownProvider):
        probe("nobody")
