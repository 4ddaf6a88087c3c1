"""Changes to accounts: accepted ones, refused ones with their words, and their announcement."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from accounts import changes, services
from accounts.credentials.sources import stored_pair
from accounts.errors import AccountExists, BadAccount, ManagedAccount, UnknownAccount
from accounts.models import Account, AccountsRevision, Cooldown
from gateway.kernel.secrets import box
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db(transaction=True)
KEY = {"name": "one", "source": "api_key", "secret": "sk-ant-api03-one"}


def revision() -> int:
    return AccountsRevision.objects.get().value


def test_everything_that_can_be_said() -> None:
    row = services.add(
        {**KEY, "provider": "litellm", "proxy": "http://u:p@h:1", "is_paused": True, "priority": 1, "weight": 3,
         "request_caps": [{"requests": 5, "window_seconds": 60}], "max_parallel": 2, "pause_at_percent": 90}
    , principal=SOMEBODY)  # fmt: skip
    assert (row.provider, row.is_paused, row.priority, row.weight, row.max_parallel) == (
        "litellm",
        True,
        1,
        3,
        2,
    )
    with pytest.raises(AccountExists):
        services.add(KEY, principal=SOMEBODY)


def test_each_change_is_one_revision_stamped_and_announced() -> None:
    heard: list[int] = []
    changes.on_change(listener := lambda: heard.append(revision()))
    try:
        assert services.add(KEY, principal=SOMEBODY).revision == 1
        assert services.update("one", {"weight": 2}, principal=SOMEBODY).revision == 2
        services.clear("one", principal=SOMEBODY)
        services.remove("one", principal=SOMEBODY)
    finally:
        changes.forget(listener)
    assert heard == [1, 2, 3, 4]
    assert AccountsRevision.objects.get().reload_from == 4


def test_a_failed_change_changes_nothing_and_is_not_announced() -> None:
    services.add(KEY, principal=SOMEBODY)
    heard: list[int] = []
    changes.on_change(listener := lambda: heard.append(1))
    try:
        for refused in (
            lambda: services.update("one", {"weight": 0}, principal=SOMEBODY),
            lambda: services.update("one", {"name": "two"}, principal=SOMEBODY),
        ):
            with pytest.raises(BadAccount):
                refused()
        for unknown in (services.pause, services.resume, services.clear, services.remove):
            with pytest.raises(UnknownAccount):
                unknown("nobody", principal=SOMEBODY)
        with pytest.raises(UnknownAccount):
            services.get("nobody")
    finally:
        changes.forget(listener)
    assert heard == [] and revision() == 1


def test_a_new_secret_replaces_the_pair_and_clears_the_marks() -> None:
    services.add(
        {"name": "o", "source": "oauth", "secret": "a1", "refresh_token": "r1", "expires_at": 2e9},
        principal=SOMEBODY,
    )
    row = Account.objects.get()
    services.mark_dead(row.id, "12345678", "needs a new login", principal=SOMEBODY)
    Cooldown.objects.create(
        account=row, fingerprint="12345678", scope="account", started_at=1, until=2, reason="r", changed_at=1
    )
    services.update("o", {"secret": "a2"}, principal=SOMEBODY)
    row.refresh_from_db()
    pair = stored_pair(row, box())
    assert pair is not None and (pair.access_token, pair.refresh_token, pair.expires_at) == ("a2", None, None)
    assert not row.needs_login and not Cooldown.objects.exists()
    services.update("o", {"refresh_token": "r2"}, principal=SOMEBODY)
    row.refresh_from_db()
    pair = stored_pair(row, box())
    assert pair is not None and (pair.access_token, pair.refresh_token) == ("a2", "r2")


def test_what_the_environment_names_is_changed_there(options: Any, tmp_path: Any) -> None:
    options(
        CLAUDE_CODE_HOME=tmp_path,
        ADDITIONAL_ACCOUNT_DIRS=(tmp_path / "a", tmp_path / "a"),
        ANTHROPIC_API_KEY="",
    )
    services.sync_from_environment(principal=SOMEBODY)
    names = ["primary", "account-1", "account-2"]
    assert list(Account.objects.values_list("name", flat=True)) == names
    with pytest.raises(ManagedAccount):
        services.update("primary", {"location": "/x"}, principal=SOMEBODY)
    with pytest.raises(ManagedAccount):
        services.remove("account-1", principal=SOMEBODY)
    services.update("account-1", {"priority": 7}, principal=SOMEBODY)
    options(ADDITIONAL_ACCOUNT_DIRS=(tmp_path / "b",))
    services.sync_from_environment(principal=SOMEBODY)
    assert Account.objects.get(name="account-1").location == str(tmp_path / "b")
    assert Account.objects.get(name="account-1").priority == 7
    assert Account.objects.get(name="account-2").is_absent
    services.remove("account-2", principal=SOMEBODY)


def test_a_shell_without_the_variables_makes_nothing_absent(options: Any, tmp_path: Any) -> None:
    options(CLAUDE_CODE_HOME=tmp_path, ADDITIONAL_ACCOUNT_DIRS=(tmp_path / "a",), ANTHROPIC_API_KEY="")
    services.sync_once(principal=SOMEBODY)
    options(ADDITIONAL_ACCOUNT_DIRS=())
    services.sync_once(principal=SOMEBODY)
    assert not Account.objects.filter(is_absent=True).exists()


def test_writers_queue_so_revisions_are_never_shared() -> None:
    services.add(KEY, principal=SOMEBODY)

    def work() -> None:
        for weight in range(1, 6):
            services.update("one", {"weight": weight}, principal=SOMEBODY)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert revision() == 21 == Account.objects.get().revision
