"""Refreshing over real sockets, threads and processes: once, written down before used, never in a loop."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts import services
from accounts.credentials.refresh import Refresher, RefreshOptions
from accounts.credentials.sources import stored_pair
from accounts.errors import PoolExhausted, RefreshFailed
from accounts.models import Account, RefreshLease, Source
from accounts.pool.pool import Pool
from gateway.kernel.secrets import box, fingerprint
from tests import warm
from tests.accounts.building import ask
from tests.accounts.refreshing import FIRST, OLD, REFUSED, logins, read_file, refresher, write_file
from tests.fakes.token_endpoint import FakeTokenEndpoint
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[3]


def account() -> Account:
    return Account.objects.get()


def loaded_secret() -> str | None:
    pool = Pool()
    pool.load()
    credential = pool.states()[0].loaded.credential
    return None if credential is None else credential.secret


def test_the_file_gets_the_new_pair_and_keeps_everything_else(
    endpoint: FakeTokenEndpoint, home: Path
) -> None:
    refresher(endpoint).refresh(account().id, REFUSED)
    written = read_file(home)
    assert written["mcpOAuth"] == {"keep": 1}
    pair = written["claudeAiOauth"]
    assert (pair["accessToken"], pair["refreshToken"], pair["subscriptionType"]) == (
        FIRST,
        "sk-ant-ort01-1",
        "max",
    )
    assert abs(pair["expiresAt"] / 1000 - time.time() - 28800) < 60
    assert (home / ".credentials.json").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in home.iterdir()] == [".credentials.json"]
    assert endpoint.requests == [
        {"grant_type": "refresh_token", "refresh_token": "sk-ant-ort01-0",
         "client_id": "9d1c250a-e61b-44d9-88ed-5944d1962f5e"}
    ]  # fmt: skip
    assert loaded_secret() == FIRST


def test_a_symlink_stays_one(endpoint: FakeTokenEndpoint, home: Path) -> None:
    target = home / "elsewhere"
    (home / ".credentials.json").rename(target)
    (home / ".credentials.json").symlink_to(target)
    refresher(endpoint).refresh(account().id, REFUSED)
    assert (home / ".credentials.json").is_symlink()
    assert json.loads(target.read_text())["claudeAiOauth"]["accessToken"] == FIRST


def test_without_write_back_the_database_holds_it_until_the_file_changes(
    endpoint: FakeTokenEndpoint, home: Path
) -> None:
    once = refresher(endpoint, is_write_back=False)
    once.refresh(account().id, REFUSED)
    assert read_file(home)["claudeAiOauth"]["accessToken"] == OLD
    assert loaded_secret() == FIRST
    once.refresh(account().id, fingerprint(FIRST))
    assert loaded_secret() == "sk-ant-oat01-2"
    write_file(home, "sk-ant-oat01-by-the-cli")
    assert loaded_secret() == "sk-ant-oat01-by-the-cli"


def test_a_file_that_cannot_be_written_is_told_loudly_and_we_go_on(
    endpoint: FakeTokenEndpoint, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Give the temporary file a name that is too long: an OSError that root meets, too."""
    target = home / ("x" * 250)
    (home / ".credentials.json").rename(target)
    (home / ".credentials.json").symlink_to(target)
    refresher(endpoint).refresh(account().id, REFUSED)
    assert "dead now" in caplog.text and "sk-ant" not in caplog.text
    assert json.loads(target.read_text())["claudeAiOauth"]["accessToken"] == OLD
    assert loaded_secret() == FIRST


def test_a_pair_that_the_cli_has_refreshed_is_taken(endpoint: FakeTokenEndpoint, home: Path) -> None:
    write_file(home, "sk-ant-oat01-by-the-cli", "other")
    refresher(endpoint).refresh(account().id, REFUSED)
    assert endpoint.requests == []


def test_no_new_refresh_token_means_the_old_one_stays(endpoint: FakeTokenEndpoint, home: Path) -> None:
    endpoint.is_rotating = False
    refresher(endpoint).refresh(account().id, REFUSED)
    assert read_file(home)["claudeAiOauth"]["refreshToken"] == "sk-ant-ort01-0"


def test_a_stored_pair_is_refreshed_in_its_row(endpoint: FakeTokenEndpoint, settings: Any) -> None:
    services.add(
        {"name": "o", "source": Source.OAUTH, "secret": OLD, "refresh_token": "sk-ant-ort01-0"},
        principal=SOMEBODY,
    )
    refresher(endpoint).refresh(account().id, REFUSED)
    pair = stored_pair(account(), box())
    assert pair is not None and (pair.access_token, pair.refresh_token) == (FIRST, "sk-ant-ort01-1")
    assert FIRST not in account().encrypted_secret


def test_invalid_grant_needs_a_login_and_is_not_asked_twice(endpoint: FakeTokenEndpoint, home: Path) -> None:
    endpoint.refresh_token = "another"
    for _ in range(3):
        with pytest.raises(RefreshFailed) as problem:
            refresher(endpoint).refresh(account().id, REFUSED)
        assert problem.value.retry_at is None
    assert len(endpoint.requests) == 1
    assert account().needs_login and RefreshLease.objects.get().owner == ""
    pool = Pool()
    pool.load()
    with pytest.raises(PoolExhausted):
        pool.choose(ask())
    write_file(home, "sk-ant-oat01-new-login")
    pool.poll_files()
    assert pool.choose(ask()).credential.secret == "sk-ant-oat01-new-login"


def test_the_vendors_envelope_of_invalid_grant(endpoint: FakeTokenEndpoint, home: Path) -> None:
    endpoint.script = [(400, {}, {"type": "error", "error": {"type": "invalid_grant", "message": "no"}})]
    with pytest.raises(RefreshFailed):
        refresher(endpoint).refresh(account().id, REFUSED)
    assert account().needs_login


@pytest.mark.parametrize(("told", "waits"), [("7", 7), ("0", 5), ("99999", 300), ("soon", 5)])
def test_429_waits_as_told_within_bounds(
    endpoint: FakeTokenEndpoint, home: Path, told: str, waits: float
) -> None:
    endpoint.script = [(429, {"retry-after": told}, {})]
    for _ in range(3):
        with pytest.raises(RefreshFailed) as problem:
            refresher(endpoint).refresh(account().id, REFUSED)
        assert problem.value.retry_at is not None and abs(problem.value.retry_at - time.time() - waits) < 4
    assert len(endpoint.requests) == 1 and not account().needs_login


def test_an_endpoint_that_is_down_is_asked_three_times(endpoint: FakeTokenEndpoint, home: Path) -> None:
    endpoint.script = [(503, {}, {})] * 3
    with pytest.raises(RefreshFailed) as problem:
        refresher(endpoint).refresh(account().id, REFUSED)
    assert problem.value.retry_at is not None and len(endpoint.requests) == 3
    endpoint.script = [(500, {}, {}), (200, {}, {"no": "token"})]
    refresher(endpoint).refresh(account().id, REFUSED)
    assert loaded_secret() == FIRST


def test_a_refused_connection_is_no_reason_to_need_a_login(endpoint: FakeTokenEndpoint, home: Path) -> None:
    nowhere = Refresher(RefreshOptions(look_seconds=0.02, pause_seconds=0.01), logins("http://127.0.0.1:9/"))
    with pytest.raises(RefreshFailed):
        nowhere.refresh(account().id, REFUSED)
    assert not account().needs_login


def test_an_account_without_a_refresh_token_says_so(endpoint: FakeTokenEndpoint) -> None:
    services.add({"name": "o", "source": Source.OAUTH, "secret": OLD}, principal=SOMEBODY)
    with pytest.raises(RefreshFailed, match="no refresh token"):
        refresher(endpoint).refresh(account().id, REFUSED)
    services.update("o", {"is_paused": True}, principal=SOMEBODY)
    with pytest.raises(RefreshFailed, match="gone"):
        refresher(endpoint).refresh(10**6, REFUSED)


def test_threads_share_one_refresh(endpoint: FakeTokenEndpoint, home: Path) -> None:
    endpoint.delay_seconds = 0.2
    one, number = refresher(endpoint), account().id

    def work() -> None:
        one.refresh(number, REFUSED)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(endpoint.requests) == 1


def children(
    endpoint: FakeTokenEndpoint, count: int, tasks: int, lease_seconds: float = 45.0
) -> list[warm.Talk]:
    """Start processes that have Django up and wait for a line to begin."""
    database = str(connection.settings_dict["NAME"])
    arguments = [
        "-m", "tests.accounts.refresh_child",
        database, endpoint.url, str(account().id), REFUSED, str(lease_seconds), str(tasks),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = [warm.talk(arguments, ROOT, environment) for _ in range(count)]
    for child in started:
        assert child.said.readline() == "ready\n"
    return started


def go(child: warm.Talk) -> None:
    child.tell.write("go\n")
    child.tell.flush()


def words_of(child: warm.Talk) -> str:
    """Return what it says until its end."""
    said = child.said.read()
    assert child.process.wait(90) == 0
    child.close()
    return said


def test_eight_processes_of_fifty_tasks_refresh_exactly_once(endpoint: FakeTokenEndpoint, home: Path) -> None:
    endpoint.delay_seconds = 0.5
    started = children(endpoint, count=8, tasks=50)
    for child in started:
        go(child)
    words = [words_of(child) for child in started]
    assert words == [f"refreshed {FIRST}\n"] * 8
    assert (len(endpoint.requests), endpoint.rotations) == (1, 1)


def test_killed_between_answer_and_write_the_next_one_tries_once_and_then_says_login(
    endpoint: FakeTokenEndpoint, home: Path
) -> None:
    """Check that there is no storm and a clear error when the new pair is lost with its process."""
    killed, *others = children(endpoint, count=4, tasks=50, lease_seconds=3.0)
    endpoint.half_answer_then = killed.process.kill
    go(killed)
    assert killed.process.wait(60) == -9
    endpoint.half_answer_then = None
    for child in others:
        go(child)
    words = [words_of(child) for child in others]
    assert all(word.startswith("failed: needs a new login") for word in words)
    assert (len(endpoint.requests), endpoint.rotations) == (2, 1)
    assert account().needs_login


def test_killed_after_the_row_and_before_the_file_nothing_is_lost(
    endpoint: FakeTokenEndpoint, home: Path
) -> None:
    refresher(endpoint, is_write_back=False).refresh(account().id, REFUSED)  # as if killed before the file
    RefreshLease.objects.update(owner="dead", until=time.time() + 30)
    refresher(endpoint).refresh(account().id, REFUSED)
    assert endpoint.rotations == 1 and loaded_secret() == FIRST
