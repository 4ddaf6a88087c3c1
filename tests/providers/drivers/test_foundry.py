"""Foundry: the Messages form, an API key in its own header."""

from __future__ import annotations

from providers.drivers.foundry import FoundryDriver
from tests.providers.drivers.test_clouds import asked, built


def test_a_key_stands_in_x_api_key() -> None:
    order = built("foundry", asked())
    headers = dict(order.draft.headers)
    assert headers[b"x-api-key"] == b"key-CANARY-123456" and b"authorization" not in headers
    assert order.draft.target == b"/base/v1/messages"


def test_it_needs_a_url_and_a_credential() -> None:
    assert FoundryDriver().needs_base_url and FoundryDriver().needs_credential
