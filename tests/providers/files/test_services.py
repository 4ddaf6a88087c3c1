"""Database and `providers.lenv` together: the first import, the mirror, the way back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.models import AuditRow
from gateway.kernel.secrets import SecretBox, box
from providers import services
from providers.catalog.store import record_of
from providers.errors import BadImport, BadProvider
from providers.files import lenv
from providers.files.services import sync_file, sync_quietly
from providers.models import Provider
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "test-secret-test-secret-test-secret-0"  # of tests/settings.py


def store(data_dir: Path, *records: dict[str, Any]) -> None:
    data_dir.mkdir(exist_ok=True)
    lines = [lenv.PREFIX + json.dumps(record) + "\n" for record in records]
    (data_dir / lenv.FILE).write_text(lenv.HEAD + "".join(lines))


def stored(data_dir: Path) -> list[dict[str, Any]]:
    return [record for _, record in lenv.read(data_dir).records]


def test_what_the_rust_router_left_is_imported_once_with_its_keys(data_dir: Path) -> None:
    text = box().encrypt_for_reference("sk-litellm-1")
    old = {
        "name": "old",
        "kind": "open-a-i-compatible",
        "base_url": "http://h/v1",
        "models": ["m"],
        "enabled": False,
    }
    new = {"name": "new", "kind": "openai-compatible", "base_url": "http://n", "encrypted_api_key": text}
    store(data_dir, old, new)
    assert sync_file(principal=SOMEBODY).added == 2
    assert [(row.name, row.is_enabled, row.model_names) for row in services.listed()] == [
        ("new", True, []),
        ("old", False, ["m"]),
    ]
    credential = record_of(services.get("new")).credential
    assert credential is not None and credential.secret == "sk-litellm-1"
    services.remove("old", principal=SOMEBODY)
    assert sync_file(principal=SOMEBODY).added == 0 and [row.name for row in services.listed()] == ["new"]


def test_the_mirror_is_what_the_rust_router_can_read(data_dir: Path) -> None:
    services.upsert(
        {
            "name": "b",
            "base_url": "http://b/v1",
            "default_model": "m",
            "api_key": "k",
            "priority": 2,
            "models": ["m"],
        },
        principal=SOMEBODY,
    )
    services.upsert(
        {"name": "A", "base_url": "http://a", "enabled": False, "api_key_env": "V"}, principal=SOMEBODY
    )
    services.upsert(
        {"name": "claude-eu", "kind": "anthropic", "base_url": "https://eu", "api_key": "k"},
        principal=SOMEBODY,
    )
    first, second = stored(data_dir)
    assert list(first) == ["name", "kind", "base_url", "models", "api_key_env", "enabled"]
    assert (first["name"], first["kind"], first["enabled"]) == ("A", "open-a-i-compatible", False)
    assert list(second) == [
        "name",
        "kind",
        "base_url",
        "default_model",
        "models",
        "encrypted_api_key",
        "enabled",
    ]
    assert SecretBox([bytes(32)], SECRET).decrypt(second["encrypted_api_key"], "") == "k"


def test_a_key_that_did_not_change_keeps_its_text(data_dir: Path) -> None:
    services.upsert({"name": "a", "base_url": "http://a", "api_key": "k"}, principal=SOMEBODY)
    before = stored(data_dir)[0]["encrypted_api_key"]
    services.change("a", {"priority": 3}, principal=SOMEBODY)
    assert stored(data_dir)[0]["encrypted_api_key"] == before
    services.change("a", {"api_key": "k2"}, principal=SOMEBODY)
    assert stored(data_dir)[0]["encrypted_api_key"] != before


def test_a_foreign_key_that_does_not_open_is_kept_and_our_own_form_never_leaves(data_dir: Path) -> None:
    foreign = "aes256gcm:AAECAwQFBgcICQoL2r2J/wywEXY96fQIUEk6u5pOO4wAGBk="
    store(data_dir, {"name": "f", "kind": "openai", "base_url": "http://f", "encrypted_api_key": foreign})
    sync_file(principal=SOMEBODY)
    assert stored(data_dir)[0]["encrypted_api_key"] == foreign
    Provider.objects.filter(name="f").update(encrypted_api_key="gcm1:AAAA")
    sync_file(principal=SOMEBODY)
    assert "encrypted_api_key" not in stored(data_dir)[0]


def test_records_that_can_not_be_used_are_left_out_and_told(data_dir: Path) -> None:
    store(data_dir, {"name": "a b", "base_url": "http://a"}, {"name": "ok", "base_url": "http://a"})
    with (data_dir / lenv.FILE).open("a") as stream:
        stream.write("PROVIDER: bad\n")
    report = sync_file(principal=SOMEBODY)
    assert report.added == 1 and sorted(line for line, _ in report.problems) == [3, 5]
    assert [row.name for row in services.listed()] == ["ok"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("default_model", "\ud83d"),
        ("models", ["\ud83d"]),
        ("api_key", "\udfff"),
        ("api_key_env", "\ud83d"),
        ("encrypted_api_key", "\ud83d"),
        ("base_url", "http://\ud83d"),
        ("kind", "\ud83d"),
        ("headers", {"x-a": "\ud83d"}),
    ],
)
def test_half_a_surrogate_pair_leaves_its_record_out(data_dir: Path, field: str, value: object) -> None:
    bad = {"name": "bad", "base_url": "http://a", field: value}
    store(data_dir, bad, {"name": "ok", "base_url": "http://a"})
    before = (data_dir / lenv.FILE).read_bytes()
    report = sync_file(principal=SOMEBODY)
    assert (report.added, [line for line, _ in report.problems]) == (1, [3])
    assert [row.name for row in services.listed()] == ["ok"]
    assert [path.read_bytes() for path in data_dir.glob("providers.lenv.damaged-*")] == [before]
    with pytest.raises(BadImport, match="line 1"):
        services.import_text(json.dumps(bad), principal=SOMEBODY)
    with pytest.raises(BadProvider) as told:
        services.upsert(bad, principal=SOMEBODY)
    assert told.value.field == field


def test_a_record_that_is_nested_without_end_is_left_out(data_dir: Path) -> None:
    data_dir.mkdir()
    deep = "[" * 100_000
    (data_dir / lenv.FILE).write_bytes(f"PROVIDER: {deep}\nPROVIDER: \xff\n".encode("latin-1"))
    assert [line for line, _ in sync_file(principal=SOMEBODY).problems] == [1, 2]


def test_what_stands_in_a_strangers_file_goes_before_ours_and_our_own_fields_stay(data_dir: Path) -> None:
    services.upsert({"name": "a", "base_url": "http://a", "priority": 5, "api_key": "k"}, principal=SOMEBODY)
    store(data_dir, {"name": "a", "kind": "open-a-i-compatible", "base_url": "http://new"})
    sync_file(principal=SOMEBODY)
    row = services.get("a")
    assert (row.base_url, row.priority, bool(row.encrypted_api_key)) == ("http://new", 5, True)


def _written_there(data_dir: Path, *names: str) -> None:
    """Leave the file as the Rust router writes it after a change: whole, without what was deleted."""
    kept = [record for record in stored(data_dir) if record["name"] in names]
    store(data_dir, *kept, {"name": "theirs", "kind": "open-a-i-compatible", "base_url": "http://t"})


def test_a_provider_that_the_rust_router_deleted_stays_deleted(data_dir: Path) -> None:
    for name in ("a", "b"):
        services.upsert({"name": name, "base_url": "http://h"}, principal=SOMEBODY)
    services.upsert(
        {"name": "cloud", "kind": "anthropic", "base_url": "https://c", "api_key": "k"}, principal=SOMEBODY
    )
    _written_there(data_dir, "a")
    assert sync_file(principal=SOMEBODY).removed == ["b"]
    assert [row.name for row in services.listed()] == ["a", "cloud", "theirs"]
    assert [record["name"] for record in stored(data_dir)] == ["a", "theirs"]
    assert AuditRow.objects.filter(action="provider.remove", subject="provider:b").count() == 1
    assert sync_file(principal=SOMEBODY).removed == []


def test_a_provider_that_the_file_never_held_is_not_deleted(data_dir: Path, options: Any) -> None:
    Provider.objects.create(name="a", base_url="http://h")  # as if the file could not be written then
    store(data_dir, {"name": "b", "kind": "open-a-i-compatible", "base_url": "http://h"})
    assert sync_file(principal=SOMEBODY).removed == []
    assert [row.name for row in services.listed()] == ["a", "b"]


@pytest.mark.parametrize("rest", ["PROVIDER: {bad\n", None], ids=["damaged", "no store of a router"])
def test_only_a_whole_store_deletes(data_dir: Path, rest: str | None) -> None:
    services.upsert({"name": "a", "base_url": "http://h"}, principal=SOMEBODY)
    (data_dir / lenv.FILE).write_text("# mine\n" if rest is None else lenv.HEAD + rest)
    assert sync_file(principal=SOMEBODY).removed == []
    assert [row.name for row in services.listed()] == ["a"]


def test_a_directory_that_can_not_be_written_stops_no_change(
    data_dir: Path, options: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    options(DATA_DIR=blocked / "data")
    services.upsert({"name": "a", "base_url": "http://a"}, principal=SOMEBODY)
    sync_quietly()
    assert services.get("a") and "Can't write the provider file" in caplog.text
