"""Upserts, changes, imports: what stays, what goes, all or nothing, and who is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.kernel.secrets import box
from providers import changes, revisions, services
from providers.catalog.store import headers_of, record_of
from providers.errors import BadImport, BadProvider, UnknownProvider
from providers.models import Provider, ProviderClear
from tests.principals import SOMEBODY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]
BASE = {"name": "p", "base_url": "http://h/v1"}


def key_of(name: str = "p") -> str | None:
    credential = record_of(services.get(name)).credential
    return None if credential is None else credential.secret


def test_an_upsert_replaces_the_references_fields_and_keeps_key_and_our_own() -> None:
    full = {"default_model": "m", "models": ["m"], "api_key_env": "V", "enabled": False}
    own = {"priority": 3, "responses": "native", "headers": {"x-a": "b"}, "idle_timeout_seconds": 5}
    services.upsert({**BASE, **full, **own, "api_key": "k1"}, principal=SOMEBODY)
    row = services.upsert(
        {**BASE, "base_url": "http://new/", "api_key": None, "models": None}, principal=SOMEBODY
    )
    assert (row.base_url, row.default_model, row.model_names, row.api_key_env, row.is_enabled) == (
        "http://new", "", [], "", True,
    )  # fmt: skip
    assert (row.priority, row.responses, row.idle_timeout_seconds) == (3, "native", 5)
    assert key_of() == "k1" and headers_of(row) == {"x-a": "b"} and row.header_names == ["x-a"]
    services.upsert({**BASE, "api_key": "k2", "encrypted_api_key": "garbage"}, principal=SOMEBODY)
    assert key_of() == "k2"


def test_empty_words_count_as_absent_and_blank_ones_do_not() -> None:
    row = services.upsert(
        {**BASE, "api_key": "", "default_model": "", "api_key_env": "  ", "kind": ""}, principal=SOMEBODY
    )
    assert (row.encrypted_api_key, row.default_model, row.api_key_env) == ("", "", "  ")
    services.upsert({**BASE, "api_key": "  "}, principal=SOMEBODY)
    assert key_of() == "  "


def test_secrets_are_encrypted_and_bound_to_the_name() -> None:
    row = services.upsert({**BASE, "api_key": "CANARY", "headers": {"x-a": "CANARY"}}, principal=SOMEBODY)
    assert "CANARY" not in row.encrypted_api_key + row.encrypted_headers
    assert box().decrypt(row.encrypted_api_key, "provider:p") == "CANARY"
    Provider.objects.filter(name="p").update(name="q")
    moved = record_of(services.get("q"))
    assert moved.credential is None and moved.is_key_unreadable and moved.headers == {}


def test_a_key_encrypted_elsewhere_becomes_ours_or_stays_as_it_is() -> None:
    services.upsert({**BASE, "encrypted_api_key": box().encrypt_for_reference("ключ")}, principal=SOMEBODY)
    assert key_of() == "ключ" and services.get("p").encrypted_api_key.startswith("gcm1:")
    row = services.upsert({**BASE, "name": "q", "encrypted_api_key": "garbage"}, principal=SOMEBODY)
    assert row.encrypted_api_key == "garbage" and record_of(row).is_key_unreadable


def test_a_change_touches_what_is_given_and_null_empties() -> None:
    services.upsert(
        {**BASE, "api_key": "k", "models": ["m"], "headers": {"x-a": "b"}, "default_model": "m"},
        principal=SOMEBODY,
    )
    row = services.change("p", {"priority": 7, "enabled": False}, principal=SOMEBODY)
    assert (row.priority, row.is_enabled, row.model_names, key_of()) == (7, False, ["m"], "k")
    services.change(
        "p", {"api_key": None, "headers": None, "default_model": None, "models": None}, principal=SOMEBODY
    )
    row = services.get("p")
    assert (row.encrypted_api_key, headers_of(row), row.default_model, row.model_names) == ("", {}, "", [])
    for bad in ({"name": "q"}, {"enabled": None}, {"base_url": "x"}):
        with pytest.raises(BadProvider):
            services.change("p", bad, principal=SOMEBODY)
    with pytest.raises(UnknownProvider):
        services.change("nobody", {"priority": 1}, principal=SOMEBODY)


def test_enable_disable_remove() -> None:
    services.upsert(BASE, principal=SOMEBODY)
    assert (
        not services.disable("p", principal=SOMEBODY).is_enabled
        and services.enable("p", principal=SOMEBODY).is_enabled
    )
    services.remove("p", principal=SOMEBODY)
    with pytest.raises(UnknownProvider):
        services.get("p")
    for act in (services.remove, services.enable):
        with pytest.raises(UnknownProvider):
            act("p", principal=SOMEBODY)


def test_the_list_is_in_the_order_of_bytes() -> None:
    for name in ("a", "B", "b", "A.c"):
        services.upsert({**BASE, "name": name}, principal=SOMEBODY)
    assert [row.name for row in services.listed()] == ["A.c", "B", "a", "b"]


def test_every_change_counts_once_and_is_told_after_the_commit() -> None:
    told: list[int] = []

    def listener() -> None:
        told.append(revisions.current())

    changes.on_change(listener)
    try:
        before = revisions.current()
        services.upsert(BASE, principal=SOMEBODY)
        services.change("p", {"priority": 1}, principal=SOMEBODY)
        services.remove("p", principal=SOMEBODY)
        with pytest.raises(BadProvider):
            services.upsert({"name": "p"}, principal=SOMEBODY)
        with pytest.raises(UnknownProvider):
            services.remove("p", principal=SOMEBODY)
    finally:
        changes.forget(listener)
    assert told == [before + 1, before + 2, before + 3]


def test_an_import_is_all_or_nothing_and_names_the_line() -> None:
    with pytest.raises(BadImport, match=r"base_url must be .* \(line 3\)$"):
        services.import_text(
            '[\n{"name":"a","base_url":"http://a"},\n{"name":"b","base_url":"b"}]', principal=SOMEBODY
        )
    assert not Provider.objects.exists()
    assert services.import_text("a\n  base_url http://1\na\n  base_url http://2\n", principal=SOMEBODY) == 2
    assert services.get("a").base_url == "http://2"
    assert services.import_text("[]", principal=SOMEBODY) == 0


def test_the_file_is_written_with_every_change(data_dir: Path) -> None:
    services.upsert({**BASE, "api_key": "k"}, principal=SOMEBODY)
    assert '"name":"p"' in (data_dir / "providers.lenv").read_text()
    services.remove("p", principal=SOMEBODY)
    assert "PROVIDER:" not in (data_dir / "providers.lenv").read_text()


def test_what_can_be_cleared(options: Any) -> None:
    options(OPENAI_COMPATIBLE_PROVIDER_NAME="of-the-settings")
    services.upsert({"name": "p", "base_url": "http://p"}, principal=SOMEBODY)
    for name in ("p", "of-the-settings", "anthropic"):
        before = revisions.current()
        services.clear(name, principal=SOMEBODY)
        assert revisions.current() == ProviderClear.objects.get(provider=name).revision == before + 1
    with pytest.raises(UnknownProvider):
        services.clear("nobody", principal=SOMEBODY)
    services.remove("p", principal=SOMEBODY)
    assert not ProviderClear.objects.filter(provider="p").exists()


SIGNED = {"name": "g", "kind": "gonka", "base_url": "https://node", "options": {"mode": "signed"}}
PRIVATE_KEY = "11" * 32


def test_options_are_those_of_the_kind() -> None:
    row = services.upsert({**SIGNED, "api_key": PRIVATE_KEY}, principal=SOMEBODY)
    assert (row.options, record_of(row).options) == ({"mode": "signed"}, {"mode": "signed"})
    assert services.change("g", {"options": {"mode": "broker"}}, principal=SOMEBODY).options == {
        "mode": "broker"
    }
    assert services.change("g", {"options": None}, principal=SOMEBODY).options == {}
    services.change("g", {"options": {"mode": "signed"}}, principal=SOMEBODY)
    assert (
        services.upsert({"name": "g", "base_url": "https://other"}, principal=SOMEBODY).options == {}
    )  # another kind by now
    with pytest.raises(BadProvider, match="no option 'mode'"):
        services.upsert({**BASE, "options": {"mode": "signed"}}, principal=SOMEBODY)
    with pytest.raises(BadProvider, match="must be one of broker, signed, reference"):
        services.upsert({**SIGNED, "options": {"mode": "direct"}}, principal=SOMEBODY)


def test_a_private_key_is_looked_at_when_it_is_given_and_when_the_mode_changes() -> None:
    for values in ({**SIGNED, "api_key": "CANARY-no-key"}, {**SIGNED, "api_key": PRIVATE_KEY[1:]}):
        with pytest.raises(BadProvider) as refused:
            services.upsert(values, principal=SOMEBODY)
        assert refused.value.field == "api_key" and "CANARY" not in str(refused.value)
    services.upsert({**SIGNED, "options": {"mode": "broker"}, "api_key": "a broker's"}, principal=SOMEBODY)
    with pytest.raises(BadProvider):
        services.change("g", {"options": {"mode": "signed"}}, principal=SOMEBODY)
    assert services.get("g").options == {"mode": "broker"}
    services.change("g", {"options": {"mode": "signed"}, "api_key": "0x" + PRIVATE_KEY}, principal=SOMEBODY)
    services.change("g", {"api_key": "22" * 32}, principal=SOMEBODY)
    assert key_of("g") == "22" * 32
