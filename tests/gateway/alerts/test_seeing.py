"""What is seen of accounts, providers, the disk and tokens."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from accounts.pool.cooldown import CooldownState
from accounts.pool.pool import Pool, PoolOptions
from accounts.pool.state import AccountState, Loaded, Terms
from gateway.alerts import seeing
from gateway.alerts.seen import Rule, Seen
from providers.drivers.base import QuotaWindow, Scope
from tests.accounts.building import FAULT, OK, OWN, ask, call, key_loaded
from tests.principals import SOMEBODY
from tokens import services as tokens
from tokens.models import Token

NOW = 1_900_000_000.0


class Accounts:
    """A pool of accounts `a` and `b` of provider `p`, at a time that the test sets."""

    def __init__(self) -> None:
        self.now = NOW
        self.pool = Pool(PoolOptions(clock=lambda: self.now))
        self.a, self.b = (
            AccountState(number, Terms(name, "p"), key_loaded(f"key-{name}"))
            for number, name in enumerate("ab", 1)
        )
        self.pool.install_states([self.a, self.b])

    def rest(self, state: AccountState, seconds: float, reason: str = "rate limited") -> None:
        state.cooldowns.start(CooldownState(Scope.ACCOUNT, "", self.now, self.now + seconds, reason))

    def seen(self) -> list[tuple[str, str]]:
        return [(each.event, each.subject) for each in self.all()]

    def all(self) -> list[Seen]:
        return list(seeing.out(self.pool))


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


def test_an_account_that_rests_and_a_provider_whose_accounts_all_do(accounts: Accounts) -> None:
    assert accounts.seen() == []
    accounts.rest(accounts.a, 1_000)
    [seen] = accounts.all()
    assert (seen.event, seen.subject, seen.beside) == ("account-out", "account:a", ("provider:p",))
    assert seen.details["until"] == NOW + 1_000 and seen.details["reason"] == "rate limited"
    accounts.b.needs_login, accounts.b.dead_fingerprint = True, accounts.b.fingerprint
    assert accounts.seen() == [
        ("account-out", "account:a"), ("account-login", "account:b"), ("provider-out", "provider:p"),
    ]  # fmt: skip
    accounts.now += 1_001
    assert accounts.seen() == [("account-login", "account:b")], "the vendor named the end"


def test_the_end_of_a_short_rest_proves_nothing_for_a_minute(accounts: Accounts) -> None:
    accounts.rest(accounts.a, 10)
    accounts.now += 30
    assert accounts.seen() == [("account-out", "account:a")]
    accounts.now += 41
    assert accounts.seen() == []
    accounts.rest(accounts.a, 10)
    accounts.now += 11
    accounts.a.cooldowns.succeed("m", accounts.now, accounts.now)
    assert accounts.seen() == []


def test_rests_of_a_model_and_pauses_of_operators_are_none(accounts: Accounts) -> None:
    accounts.a.cooldowns.start(CooldownState(Scope.MODEL, "m", NOW, NOW + 99, "x"))
    accounts.b.accept_terms(Terms("b", "p", is_paused=True))
    accounts.rest(accounts.b, 99)
    assert accounts.seen() == []


def test_an_account_without_a_credential_is_news_where_it_had_one(accounts: Accounts) -> None:
    accounts.a.loaded = Loaded(problem="no such file")
    assert accounts.seen() == []
    accounts.rest(accounts.b, 999)
    assert accounts.seen() == [("account-out", "account:b"), ("provider-out", "provider:p")]
    accounts.a.used_before = 5
    assert accounts.seen()[0] == ("account-login", "account:a")


def test_a_quota_at_which_the_operator_pauses(accounts: Accounts) -> None:
    accounts.a.accept_terms(Terms("a", "p", pause_at_percent=90))
    accounts.a.windows["5h"] = QuotaWindow("5h", "", 0.95, NOW + 600)
    assert accounts.seen() == [("account-out", "account:a")]


def test_a_breaker_that_is_open_until_a_call_succeeds(accounts: Accounts) -> None:
    for _ in range(5):
        call(accounts.pool, FAULT, provider="p")
    assert accounts.seen() == [("provider-out", "provider:p")]
    accounts.now += 3_600
    assert accounts.seen() == [("provider-out", "provider:p")], "nobody has tried since"
    call(accounts.pool, OK, provider="p")
    assert accounts.seen() == []


def test_the_key_of_a_provider_without_accounts(accounts: Accounts) -> None:
    accounts.pool.choose(ask(accounts.now, provider="q", own=OWN, address="http://q")).release()
    accounts.rest(accounts.pool.own_keys()["q"], 500)
    assert accounts.seen() == [("account-out", "provider:q"), ("provider-out", "provider:q")]


def test_the_disk_of_our_data(options: Any, tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path / "not" / "there" / "yet")
    seen = seeing.disk()
    assert seen.value is not None and 0 <= seen.value <= 100 and seen.details["total_bytes"] > 0


@pytest.mark.django_db
def test_tokens_that_end_within_the_days_of_a_rule() -> None:
    P = {"principal": SOMEBODY}
    soon = tokens.issue(label="soon", ttl_hours=60, **P).token
    tokens.issue(label="late", ttl_hours=24 * 30, **P)
    tokens.revoke(tokens.issue(ttl_hours=10, **P).token.id, **P)
    old = tokens.issue(label="rotated", ttl_hours=48, **P).token
    new = tokens.rotate(old.id, ttl_hours=24 * 90, **P).issued.token
    rule = Rule(1, "token-expires", 3, "", ("ops",))
    [seen] = seeing.expiring([rule], time.time())
    assert (seen.subject, seen.value, seen.period) == (f"token:{soon.id}", 3, str(soon.expires_at))
    assert list(seeing.expiring([Rule(1, "token-expires", 3, f"token:{new.id}", ())], time.time())) == []
    assert seeing.expires_still(soon.id, seen.period, time.time())
    Token.objects.filter(pk=soon.id).update(revoked_at=1)
    assert not seeing.expires_still(soon.id, seen.period, time.time())
    assert not seeing.expires_still("nobody", seen.period, time.time())
