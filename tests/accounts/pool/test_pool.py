"""The pool over real rows: loading, changes, files, cooldowns and counters written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from channels.db import database_sync_to_async

from accounts import services
from accounts.errors import Exhaustion, PoolExhausted
from accounts.models import Account, Cooldown
from accounts.pool.pool import Pool, PoolOptions
from gateway.kernel.events import Event
from gateway.kernel.secrets import fingerprint
from providers.drivers.base import Outcome, Scope, Verdict
from providers.upstream import Credential, CredentialKind
from tests.accounts.building import MODEL, START, Clock, ask
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pool(clock: Clock) -> Pool:
    return Pool(PoolOptions(clock=clock, jitter=lambda: 0.0))


@pytest.fixture
def home(tmp_path: Path, options) -> Path:
    home = tmp_path / "home"
    options(CLAUDE_CODE_HOME=home, ADDITIONAL_ACCOUNT_DIRS=(), ANTHROPIC_API_KEY="")
    home.mkdir()
    return home


def write_token(home: Path, token: str) -> None:
    (home / ".credentials.json").write_text(json.dumps({"claudeAiOauth": {"accessToken": token}}))


def test_the_home_directory_makes_the_account_primary(pool: Pool, home: Path) -> None:
    write_token(home, "sk-ant-oat01-first")
    services.sync_from_environment(principal=SOMEBODY)
    pool.load()
    lease = pool.choose(ask())
    assert (lease.account, lease.credential.kind) == ("primary", CredentialKind.OAUTH)
    assert lease.credential.secret == "sk-ant-oat01-first"
    assert "sk-ant" not in repr(lease)


def test_a_changed_file_is_taken_and_ends_the_cooldown(pool: Pool, home: Path, clock: Clock) -> None:
    write_token(home, "sk-ant-oat01-first")
    services.sync_from_environment(principal=SOMEBODY)
    pool.load()
    lease = pool.choose(ask())
    pool.report(lease, Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, START + 900, reason="full"))
    lease.release()
    with pytest.raises(PoolExhausted) as refused:
        pool.choose(ask())
    assert (refused.value.until, refused.value.reason) == (START + 900, Exhaustion.COOLING)
    write_token(home, "sk-ant-oat01-second-login")
    pool.poll_files()
    assert pool.choose(ask()).credential.secret == "sk-ant-oat01-second-login"


def test_a_blanked_file_is_logged_out_and_not_a_token(pool: Pool, home: Path) -> None:
    write_token(home, "sk-ant-oat01-first")
    services.sync_from_environment(principal=SOMEBODY)
    pool.load()
    blank = {"claudeAiOauth": {"accessToken": "", "refreshToken": "", "expiresAt": 0}}
    (home / ".credentials.json").write_text(json.dumps(blank))
    pool.poll_files()
    with pytest.raises(PoolExhausted) as refused:
        pool.choose(ask())
    assert (refused.value.until, refused.value.reason) == (None, Exhaustion.UNUSABLE)


def test_a_logout_and_the_next_login_are_told_once(pool: Pool, home: Path, told: list[Event]) -> None:
    write_token(home, "sk-ant-oat01-first")
    services.sync_from_environment(principal=SOMEBODY)
    pool.load()
    write_token(home, "")
    for _ in range(3):
        pool.poll_files()
    assert [(event.kind, event.subject) for event in told] == [("account-login", "account:primary")]
    write_token(home, "sk-ant-oat01-second-login")
    for _ in range(3):
        pool.poll_files()
    assert [event.kind for event in told[1:]] == ["account-back"]


def test_a_login_that_died_is_told_when_another_is_there(pool: Pool, home: Path, told: list[Event]) -> None:
    write_token(home, "sk-ant-oat01-first")
    services.sync_from_environment(principal=SOMEBODY)
    pool.load()
    row = services.get("primary")
    services.mark_dead(row.pk, fingerprint("sk-ant-oat01-first"), "dead", principal=SOMEBODY)
    pool.apply_changes()
    assert [event.kind for event in told] == ["account-login"]
    write_token(home, "sk-ant-oat01-second-login")
    for _ in range(3):
        pool.poll_files()
        pool.look_again(row.pk)
    assert [event.kind for event in told[1:]] == ["account-back"]


def test_a_half_written_file_keeps_the_token_until_the_second_look(pool: Pool, home: Path) -> None:
    write_token(home, "sk-ant-oat01-first")
    services.sync_from_environment(principal=SOMEBODY)
    pool.load()
    (home / ".credentials.json").write_text('{"claudeAiOauth":')
    pool.poll_files()
    assert pool.choose(ask()).credential.secret == "sk-ant-oat01-first"
    pool.poll_files()
    with pytest.raises(PoolExhausted):
        pool.choose(ask())


def test_an_api_key_of_the_environment_is_the_account_api_key(pool: Pool, options, home: Path) -> None:
    options(ANTHROPIC_API_KEY="sk-ant-api03-x")
    write_token(home, "sk-ant-oat01-first")
    services.sync_from_environment(principal=SOMEBODY)
    assert list(Account.objects.values_list("name", flat=True)) == ["primary", "api-key"]
    pool.load()
    kinds = {pool.choose(ask()).credential.kind for _ in range(4)}
    assert kinds == {CredentialKind.OAUTH, CredentialKind.API_KEY}
    options(ANTHROPIC_API_KEY="")
    assert services.sync_from_environment(principal=SOMEBODY)
    pool.apply_changes()
    assert {pool.choose(ask()).account for _ in range(4)} == {"primary"}
    assert Account.objects.get(name="api-key").is_absent
    assert not services.sync_from_environment(principal=SOMEBODY)


def test_changes_apply_row_by_row_and_deletes_load_anew(pool: Pool) -> None:
    for name in ("one", "two"):
        services.add(
            {"name": name, "source": "api_key", "secret": f"sk-ant-api03-{name}"}, principal=SOMEBODY
        )
    pool.load()
    assert {pool.choose(ask()).account for _ in range(4)} == {"one", "two"}
    services.pause("one", principal=SOMEBODY)
    pool.apply_changes()
    assert {pool.choose(ask()).account for _ in range(4)} == {"two"}
    services.resume("one", principal=SOMEBODY)
    services.remove("two", principal=SOMEBODY)
    pool.apply_changes()
    assert {pool.choose(ask()).account for _ in range(4)} == {"one"}


def test_secrets_are_stored_encrypted(pool: Pool) -> None:
    row = services.add(
        {
            "name": "one",
            "source": "api_key",
            "secret": "sk-ant-api03-canary",
            "proxy": "http://u:p-canary@h:1",
        },
        principal=SOMEBODY,
    )
    row.refresh_from_db()
    assert "canary" not in repr(row.__dict__)
    pool.load()
    lease = pool.choose(ask())
    assert (lease.credential.secret, lease.proxy) == ("sk-ant-api03-canary", "http://u:p-canary@h:1")


def test_cooldowns_survive_a_restart_and_are_seen_by_others(pool: Pool, clock: Clock) -> None:
    services.add({"name": "one", "source": "api_key", "secret": "k"}, principal=SOMEBODY)
    pool.load()
    other = Pool(PoolOptions(clock=clock, jitter=lambda: 0.0))
    other.load()
    lease = pool.choose(ask())
    pool.report(lease, Verdict(Outcome.RETRY_OTHER, Scope.MODEL, START + 60, reason="upstream returned 429"))
    pool.save()
    other.share()
    restarted = Pool(PoolOptions(clock=clock))
    restarted.load()
    for one in (pool, other, restarted):
        with pytest.raises(PoolExhausted):
            one.choose(ask())
        assert one.choose(ask(model="claude-haiku-4-5")).account == "one"
    assert Account.objects.get().used == 1
    assert Account.objects.get().last_error == "upstream returned 429"


def test_the_operators_clear_ends_every_cooldown_everywhere(pool: Pool, clock: Clock) -> None:
    services.add({"name": "one", "source": "api_key", "secret": "k"}, principal=SOMEBODY)
    pool.load()
    pool.report(pool.choose(ask()), Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, START + 60, reason="full"))
    pool.save()
    services.clear("one", principal=SOMEBODY)
    pool.apply_changes()
    assert pool.choose(ask()).account == "one"
    assert not Cooldown.objects.exists()


def test_a_cooldown_that_was_being_written_during_the_clear_does_not_come_back(
    pool: Pool, clock: Clock
) -> None:
    services.add({"name": "one", "source": "api_key", "secret": "k"}, principal=SOMEBODY)
    pool.load()
    pool.report(pool.choose(ask()), Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, START + 60, reason="full"))
    pool.save()
    late = Cooldown.objects.get()
    services.clear("one", principal=SOMEBODY)
    pool.apply_changes()
    late.pk = None
    late.save()
    pool.share()
    assert pool.choose(ask()).account == "one"


def test_a_success_after_the_end_deletes_the_row(pool: Pool, clock: Clock) -> None:
    services.add({"name": "one", "source": "api_key", "secret": "k"}, principal=SOMEBODY)
    pool.load()
    pool.report(pool.choose(ask()), Verdict(Outcome.RETRY_OTHER, Scope.MODEL, START + 5, reason="full"))
    pool.save()
    assert Cooldown.objects.get().value == MODEL
    clock.now = START + 6
    pool.report(pool.choose(ask(clock.now)), Verdict(Outcome.OK))
    pool.save()
    assert not Cooldown.objects.exists()


def test_the_strategy_changes_while_the_pool_runs(pool: Pool) -> None:
    for name in ("one", "two"):
        services.add(
            {"name": name, "source": "api_key", "secret": f"sk-ant-api03-{name}"}, principal=SOMEBODY
        )
    pool.load()
    services.set_strategy("priority", principal=SOMEBODY)
    pool.apply_changes()
    assert {pool.choose(ask()).account for _ in range(4)} == {"one"}


async def test_an_own_key_that_is_refused_is_on_cooldown_for_a_minute_and_nothing_of_it_is_written(
    pool: Pool, clock: Clock
) -> None:
    own = Credential(CredentialKind.API_KEY, "sk-own", "own-1")
    lease = pool.choose(ask(clock.now, provider="other", own=own))
    refusal = Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, needs_refresh=True, reason="upstream returned 401")
    pool.report(lease, refusal)
    assert await pool.refresh(lease) is False
    lease.release()
    with pytest.raises(PoolExhausted) as out:
        pool.choose(ask(clock.now, provider="other", own=own))
    assert out.value.until is not None and 59 <= out.value.until - clock.now <= 65
    await database_sync_to_async(pool.save)()
    assert not await database_sync_to_async(Cooldown.objects.exists)()


def test_a_cleared_provider_s_key_serves_at_once_and_calls_on_their_way_teach_nothing(
    pool: Pool, clock: Clock
) -> None:
    own = Credential(CredentialKind.API_KEY, "own-key", "ownprint")
    refusal = Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, clock.now + 60, reason="upstream returned 403")
    late, refused = (pool.choose(ask(provider="other", own=own)) for _ in range(2))
    pool.report(refused, refusal)
    refused.release()
    with pytest.raises(PoolExhausted):
        pool.choose(ask(provider="other", own=own))
    pool.clear_provider("other")
    pool.report(late, refusal)
    late.release()
    assert pool.choose(ask(provider="other", own=own)).credential == own
    pool.clear_provider("nobody")


def test_a_cleared_provider_s_breaker_closes_and_its_accounts_stay_on_cooldown(
    pool: Pool, clock: Clock, home: Path
) -> None:
    write_token(home, "sk-ant-oat01-first")
    services.sync_from_environment(principal=SOMEBODY)
    pool.load()
    for _ in range(5):
        fault = Verdict(Outcome.RETRY_OTHER, Scope.PROVIDER, reason="upstream returned 500")
        pool.report(pool.choose(ask()), fault)
    assert pool.breakers() == {"anthropic": True}
    pool.clear_provider("anthropic")
    assert pool.breakers() == {"anthropic": False}
    cooldown = Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, clock.now + 60, reason="upstream returned 403")
    pool.report(pool.choose(ask()), cooldown)
    pool.clear_provider("anthropic")
    with pytest.raises(PoolExhausted):
        pool.choose(ask())
