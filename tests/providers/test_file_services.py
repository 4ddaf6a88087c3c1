"""Database and `providers.lenv` together: the first import, the mirror, the way back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from providers import files, services
from providers.file_services import sync_file, sync_quietly
from providers.models import Provider
from providers.secrets import SecretBox, box
from providers.store import record_of

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "test-secret-test-secret-test-secret-0"  # of tests/settings.py


def store(data_dir: Path, *records: dict[str, Any]) -> None:
    data_dir.mkdir(exist_ok=True)
    lines = [files.PREFIX + json.dumps(record) + "\n" for record in records]
    (data_dir / files.FILE).write_text(files.HEAD + "".join(lines))


def stored(data_dir: Path) -> list[dict[str, Any]]:
    return [record for _, record in files.read(data_dir).records]


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
    assert sync_file().added == 2
    assert [(row.name, row.is_enabled, row.model_names) for row in services.listed()] == [
        ("new", True, []),
        ("old", False, ["m"]),
    ]
    credential = record_of(services.get("new")).credential
    assert credential is not None and credential.secret == "sk-litellm-1"
    services.remove("old")
    assert sync_file().added == 0 and [row.name for row in services.listed()] == ["new"]


def test_the_mirror_is_what_the_rust_router_can_read(data_dir: Path) -> None:
    services.upsert(
        {
            "name": "b",
            "base_url": "http://b/v1",
            "default_model": "m",
            "api_key": "k",
            "priority": 2,
            "models": ["m"],
        }
    )
    services.upsert({"name": "A", "base_url": "http://a", "enabled": False, "api_key_env": "V"})
    services.upsert({"name": "claude-eu", "kind": "anthropic", "base_url": "https://eu", "api_key": "k"})
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
    services.upsert({"name": "a", "base_url": "http://a", "api_key": "k"})
    before = stored(data_dir)[0]["encrypted_api_key"]
    services.change("a", {"priority": 3})
    assert stored(data_dir)[0]["encrypted_api_key"] == before
    services.change("a", {"api_key": "k2"})
    assert stored(data_dir)[0]["encrypted_api_key"] != before


def test_a_foreign_key_that_does_not_open_is_kept_and_our_own_form_never_leaves(data_dir: Path) -> None:
    foreign = "aes256gcm:AAECAwQFBgcICQoL2r2J/wywEXY96fQIUEk6u5pOO4wAGBk="
    store(data_dir, {"name": "f", "kind": "openai", "base_url": "http://f", "encrypted_api_key": foreign})
    sync_file()
    assert stored(data_dir)[0]["encrypted_api_key"] == foreign
    Provider.objects.filter(name="f").update(encrypted_api_key="gcm1:AAAA")
    sync_file()
    assert "encrypted_api_key" not in stored(data_dir)[0]


def test_records_that_can_not_be_used_are_left_out_and_told(data_dir: Path) -> None:
    store(data_dir, {"name": "a b", "base_url": "http://a"}, {"name": "ok", "base_url": "http://a"})
    with (data_dir / files.FILE).open("a") as stream:
        stream.write("PROVIDER: bad\n")
    report = sync_file()
    assert report.added == 1 and sorted(line for line, _ in report.problems) == [3, 5]
    assert [row.name for row in services.listed()] == ["ok"]


def test_what_stands_in_a_strangers_file_goes_before_ours_and_our_own_fields_stay(data_dir: Path) -> None:
    services.upsert({"name": "a", "base_url": "http://a", "priority": 5, "api_key": "k"})
    store(data_dir, {"name": "a", "kind": "open-a-i-compatible", "base_url": "http://new"})
    sync_file()
    row = services.get("a")
    assert (row.base_url, row.priority, bool(row.encrypted_api_key)) == ("http://new", 5, True)


def test_a_directory_that_can_not_be_written_stops_no_change(
    data_dir: Path, settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    settings.DATA_DIR = blocked / "data"
    services.upsert({"name": "a", "base_url": "http://a"})
    sync_quietly()
    assert services.get("a") and "Can't write the provider file" in caplog.text
