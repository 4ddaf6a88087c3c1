"""From row to secret, for every source; and which of two pairs is the newer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from accounts.credentials.sources import (
    Directories,
    Pair,
    current_pair,
    keeps_login,
    load_proxy,
    load_secret,
    proxy_context,
    read_home,
    secret_context,
)
from accounts.models import Account, Source
from gateway.kernel.secrets import SecretUnreadable, box, fingerprint
from providers.upstream import CredentialKind
from tests.accounts.refreshing import OLD, write_file


def row(source: str, **values: Any) -> Account:
    return Account(name="one", source=source, **values)


def sealed(text: str, name: str = "one") -> str:
    return box().encrypt(text, secret_context(name))


def directory(home: Path, **values: Any) -> Account:
    return row(Source.DIRECTORY, location=str(home), **values)


@pytest.mark.parametrize(
    ("secret", "kind"),
    [
        ("sk-ant-api03-k", CredentialKind.API_KEY),
        ("sk-ant-oat01-t", CredentialKind.OAUTH),
        ("any-key", CredentialKind.API_KEY),
    ],
)
def test_stored_keys_and_keys_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, secret: str, kind: str
) -> None:
    monkeypatch.setenv("SOME_API_KEY", f" {secret}\n")
    for one in (
        row(Source.API_KEY, encrypted_secret=sealed(secret)),
        row(Source.ENVIRONMENT, location="SOME_API_KEY"),
    ):
        credential = load_secret(one, None, box()).credential
        assert credential is not None
        assert (credential.secret, credential.kind, credential.fingerprint) == (
            secret,
            kind,
            fingerprint(secret),
        )


def test_settings_go_before_the_bare_environment(options: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    options(ANTHROPIC_API_KEY="from-a-file")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "bare")
    credential = load_secret(row(Source.ENVIRONMENT, location="ANTHROPIC_API_KEY"), None, box()).credential
    assert credential is not None and credential.secret == "from-a-file"


@pytest.mark.parametrize(
    ("one", "problem"),
    [
        (row(Source.ENVIRONMENT, location="NOT_SET_API_KEY"), "NOT_SET_API_KEY is not set"),
        (row(Source.API_KEY), "no API key is stored"),
        (row(Source.OAUTH), "no pair is stored"),
        (row(Source.API_KEY, encrypted_secret="gcm1:AAAA"), "stored secret is too short"),
        (row(Source.OAUTH, encrypted_secret="plain"), "unsupported stored secret format"),
    ],
)
def test_why_there_is_none(one: Account, problem: str) -> None:
    loaded = load_secret(one, None, box())
    assert (loaded.credential, loaded.problem) == (None, problem)


def test_a_secret_of_another_account_does_not_open() -> None:
    assert (
        load_secret(row(Source.API_KEY, encrypted_secret=sealed("k", "two")), None, box()).credential is None
    )


def test_a_file_and_its_expiry(tmp_path: Path) -> None:
    write_file(tmp_path, expires_at=5000)
    loaded = load_secret(directory(tmp_path), read_home(directory(tmp_path)), box())
    assert loaded.credential is not None and loaded.has_refresh
    assert (loaded.credential.secret, loaded.credential.expires_at) == (OLD, 5.0)


def test_our_pair_stands_in_for_the_token_it_replaced_and_for_no_other(tmp_path: Path) -> None:
    ours = Pair("sk-ant-oat01-ours", "r", 9.0, 28800.0, replaces=fingerprint(OLD))
    one = directory(tmp_path, encrypted_secret=sealed(ours.to_text()))
    write_file(tmp_path)
    assert current_pair(one, read_home(one), box()) == ours
    write_file(tmp_path, "sk-ant-oat01-ours", "r", 9000)
    assert current_pair(one, read_home(one), box()) == Pair("sk-ant-oat01-ours", "r", 9.0, 28800.0)
    write_file(tmp_path, "sk-ant-oat01-new-login")
    newer = current_pair(one, read_home(one), box())
    assert newer is not None and newer.access_token == "sk-ant-oat01-new-login"
    (tmp_path / ".credentials.json").unlink()
    assert current_pair(one, read_home(one), box()) is None


def test_an_unreadable_proxy_is_an_error_and_not_no_proxy() -> None:
    one = row(Source.API_KEY, encrypted_proxy=box().encrypt("http://h:1", proxy_context("one")))
    assert load_proxy(one, box()) == "http://h:1" and load_proxy(row(Source.API_KEY), box()) is None
    one.encrypted_proxy = sealed("http://h:1")
    with pytest.raises(SecretUnreadable):
        load_proxy(one, box())


def test_directories_are_searched_again_only_when_a_file_changes(tmp_path: Path) -> None:
    one, watch = directory(tmp_path), Directories()
    write_file(tmp_path)
    first = watch.reading(one)
    assert first is not None and watch.changed() == set() and watch.reading(one) is first
    write_file(tmp_path, "sk-ant-oat01-longer-than-before")
    assert watch.changed() == {str(tmp_path)}
    (tmp_path / ".credentials.json").write_text("{")
    assert watch.changed() == set()
    assert watch.changed() == {str(tmp_path)} and watch.changed() == set()
    watch.forget_others([])
    write_file(tmp_path)
    assert watch.changed() == set()
    assert watch.reading(row(Source.API_KEY)) is None


def test_a_secret_of_ours_is_read_for_nobody_but_the_vendor_whose_key_it_is(options: Any) -> None:
    options(TOKEN_ADMIN_KEY="sk-ant-api03-CANARY", ANTHROPIC_API_KEY="sk-ant-api03-CANARY")
    for location, provider in (("TOKEN_ADMIN_KEY", "anthropic"), ("ANTHROPIC_API_KEY", "elsewhere")):
        loaded = load_secret(row(Source.ENVIRONMENT, location=location, provider=provider), None, box())
        assert loaded.credential is None and "a secret of this gateway" in loaded.problem
    own = load_secret(row(Source.ENVIRONMENT, location="ANTHROPIC_API_KEY"), None, box())
    assert own.credential is not None


def test_the_login_of_a_command_line_is_its_directory(tmp_path: Path, options: Any) -> None:
    write_file(tmp_path, OLD)
    own = directory(tmp_path, provider="anthropic")
    assert not keeps_login(own)
    options(ROUTING_MODE="cli")
    assert keeps_login(own) and not keeps_login(row(Source.API_KEY, provider="anthropic"))
    loaded = load_secret(own, None, box(), is_login=True)
    assert loaded.credential is not None and not loaded.has_refresh
    assert (loaded.credential.kind, loaded.credential.secret) == (CredentialKind.HOME, str(tmp_path))
