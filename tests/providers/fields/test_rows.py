"""The fields that an upsert and a change make of what is given."""

from __future__ import annotations

import pytest

from gateway.kernel.secrets import box
from providers.catalog.store import record_of
from providers.errors import BadProvider
from providers.fields.rows import REPLACED, apply, checked_change, checked_upsert, own_form
from providers.models import Provider

BASE = {"name": "p", "base_url": "http://p"}


def test_an_upsert_is_completed_with_the_references_defaults_only() -> None:
    assert checked_upsert(BASE) == {**REPLACED, **BASE}
    assert checked_upsert({**BASE, "api_key": "", "models": None, "priority": 3, "unknown": 1}) == {
        **REPLACED,
        **BASE,
        "priority": 3,
    }


@pytest.mark.parametrize(
    "values", [{}, {"name": "p"}, {"base_url": "http://p"}, {**BASE, "name": None}, {**BASE, "name": ""}]
)
def test_name_and_address_are_required(values: dict[str, object]) -> None:
    with pytest.raises(BadProvider, match="is required"):
        checked_upsert(values)


def test_null_empties_in_a_change_what_can_be_empty() -> None:
    assert checked_change("p", {"api_key": None, "models": None, "idle_timeout_seconds": None}) == {
        "api_key": "",
        "models": [],
        "idle_timeout_seconds": None,
    }
    with pytest.raises(BadProvider, match="base_url is required"):
        apply(Provider(name="p", base_url="http://p"), checked_change("p", {"base_url": None}))


def test_only_anthropic_is_called_with_a_caller_s_own_login() -> None:
    row = Provider(name="p", base_url="http://p", kind="anthropic")
    apply(row, {"login": "caller"})
    assert row.login == "caller" and record_of(row).takes_callers_login
    with pytest.raises(BadProvider, match="openai-compatible takes no caller's login"):
        apply(row, {"kind": "openai-compatible"})
    for kind in ("openai-compatible", "foundry", "bedrock"):
        with pytest.raises(BadProvider, match="takes no caller's login"):
            apply(Provider(name="p", base_url="http://p", kind=kind), {"login": "caller"})
    apply(row, checked_change("p", {"login": None, "kind": "openai-compatible"}))
    assert row.login == "pool" and not record_of(row).takes_callers_login


def test_columns_and_secrets() -> None:
    row = Provider(name="p", base_url="http://p")
    apply(
        row,
        {"name": "other", "models": ["m"], "enabled": False, "api_key": "k", "headers": {"B": "1", "a": "2"}},
    )
    assert (row.name, row.model_names, row.is_enabled, row.header_names) == ("p", ["m"], False, ["B", "a"])
    assert box().decrypt(row.encrypted_api_key, "provider:p") == "k"
    apply(row, {"api_key": "", "headers": {}})
    assert (row.encrypted_api_key, row.encrypted_headers, row.header_names) == ("", "", [])


def test_keys_from_elsewhere() -> None:
    ours = own_form(box().encrypt_for_reference("k"), "p")
    assert ours.startswith("gcm1:") and box().decrypt(ours, "provider:p") == "k"
    assert own_form("garbage", "p") == "garbage"
