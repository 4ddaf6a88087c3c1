"""Synchronising alone: rows and files become members, and cooldowns of other processes are adopted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from accounts import services
from accounts.models import Cooldown, Strategy
from accounts.pool.outcomes import OutcomeTracker
from accounts.pool.provider_accounts import PoolMembers
from accounts.pool.state import AccountState
from accounts.pool.synchronising import Synchronising
from providers.drivers.base import Scope
from tests.accounts.building import MODEL, START, Clock
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db(transaction=True)


class Synchronised:
    """Members of a pool, kept as the rows are."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.members = PoolMembers(self.clock, Strategy.ROUND_ROBIN)
        self.synchronising = Synchronising(
            self.members, OutcomeTracker(self.members, 60.0, jitter=lambda: 0.0)
        )

    def state(self, name: str) -> AccountState:
        return next(state for state in self.members.states() if state.name == name)

    def names(self) -> list[str]:
        return [state.name for state in self.members.states()]


@pytest.fixture
def one() -> Synchronised:
    return Synchronised()


def add(name: str) -> int:
    return services.add({"name": name, "source": "api_key", "secret": name}, principal=SOMEBODY).id


def closed_by(state: AccountState) -> list[str]:
    return [cooldown.reason for cooldown in state.cooldowns.entries.values()]


def write_cooldown(account: int, fingerprint: str, until: float) -> None:
    Cooldown.objects.create(
        account_id=account,
        fingerprint=fingerprint,
        scope=Scope.MODEL,
        value=MODEL,
        started_at=START,
        until=until,
        reason="upstream returned 429",
        changed_at=START,
    )


def test_a_state_lives_on_while_its_row_changes_and_goes_with_it(one: Synchronised) -> None:
    add("a"), add("b")
    one.synchronising.load()
    kept = one.state("a")
    kept.used = 7
    services.update("a", {"weight": 3}, principal=SOMEBODY)
    one.synchronising.apply_changes()
    assert one.state("a") is kept and (kept.weight, kept.used) == (3, 7)
    services.remove("b", principal=SOMEBODY)
    one.synchronising.apply_changes()
    assert one.names() == ["a"] and one.state("a") is kept
    assert one.members.by_provider["anthropic"].members == [kept]


def test_revisions_are_applied_once(one: Synchronised) -> None:
    add("a")
    one.synchronising.load()
    before = one.synchronising.revision
    group = one.members.by_provider["anthropic"]
    one.synchronising.apply_changes()
    assert one.synchronising.revision == before and one.members.by_provider["anthropic"] is group
    add("b")
    one.synchronising.apply_changes()
    assert one.synchronising.revision > before and one.names() == ["a", "b"]


def test_cooldowns_of_others_hold_for_the_credential_that_met_them(one: Synchronised) -> None:
    first, second = add("a"), add("b")
    one.synchronising.load()
    write_cooldown(first, one.state("a").fingerprint, START + 60)
    write_cooldown(second, "an earlier key", START + 60)
    one.synchronising.share()
    assert closed_by(one.state("a")) == ["upstream returned 429"] and not closed_by(one.state("b"))


def test_cooldowns_that_are_over_are_not_adopted_at_the_start(one: Synchronised) -> None:
    account = add("a")
    one.synchronising.load()
    write_cooldown(account, one.state("a").fingerprint, START + 60)
    late = Synchronised()
    late.clock.now = START + 61
    late.synchronising.load()
    assert not closed_by(late.state("a"))
    soon = Synchronised()
    soon.synchronising.load()
    assert closed_by(soon.state("a"))


def test_files_are_read_when_they_have_changed(one: Synchronised, tmp_path: Path, options) -> None:
    options(CLAUDE_CODE_HOME=tmp_path, ADDITIONAL_ACCOUNT_DIRS=(), ANTHROPIC_API_KEY="")
    services.sync_from_environment(principal=SOMEBODY)
    one.synchronising.load()
    assert one.state("primary").loaded.credential is None
    written = {"claudeAiOauth": {"accessToken": "sk-ant-oat01-first"}}
    (tmp_path / ".credentials.json").write_text(json.dumps(written))
    one.synchronising.poll_files()
    credential = one.state("primary").loaded.credential
    assert credential is not None and credential.secret == "sk-ant-oat01-first"
