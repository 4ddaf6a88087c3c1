"""How many upstream calls one call may make, and which answers are the last."""

from __future__ import annotations

from accounts.lease import Lease
from accounts.state import AccountState, Loaded, Terms
from gateway.attempts import Attempt, Budget
from providers.drivers.base import Outcome, Verdict
from providers.upstream import Credential, CredentialKind

KEY = Credential(CredentialKind.API_KEY, "key", "00000000")
LEASE = Lease(AccountState(1, Terms("one", "anthropic"), Loaded(KEY)), KEY, "m", 0.0)


def test_a_provider_leaves_one_attempt_to_each_that_comes_after_it() -> None:
    budget = Budget(attempts_left=4, until=10.0, reserved=1)
    assert not budget.is_spent(0.0)
    budget.attempts_left = 1
    assert budget.is_spent(0.0) and not budget.is_over(0.0)
    budget.reserved = 0
    assert not budget.is_spent(0.0)
    budget.attempts_left = 0
    assert budget.is_spent(0.0) and budget.is_over(0.0)


def test_after_the_time_nobody_is_asked_any_more() -> None:
    budget = Budget(attempts_left=4, until=10.0)
    assert not budget.is_over(9.9) and budget.is_late(10.0) and budget.is_over(10.0) and budget.is_spent(10.0)


def test_an_answer_and_the_requests_own_fault_are_final_but_a_prompt_too_long_is_not() -> None:
    assert Attempt(LEASE, Verdict(Outcome.OK)).is_final
    assert Attempt(LEASE, Verdict(Outcome.GIVE_UP)).is_final
    assert not Attempt(LEASE, Verdict(Outcome.GIVE_UP, is_overflow=True)).is_final
    assert not Attempt(LEASE, Verdict(Outcome.RETRY_OTHER)).is_final
