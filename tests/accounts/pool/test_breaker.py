"""The provider's circuit breaker: five faults in a row over two accounts, 10 s doubling to 60 s."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from accounts.pool.breaker import Breaker

NOW = 1_800_000_000.0


def faults(breaker: Breaker, count: int, accounts: int = 2, now: float = NOW) -> None:
    for number in range(count):
        breaker.fault(number % accounts, now, accounts)


def test_five_in_a_row_over_two_accounts_open_it() -> None:
    breaker = Breaker()
    faults(breaker, 4)
    assert not breaker.is_shut_to_calls(NOW)
    faults(breaker, 1)
    assert breaker.is_shut_to_calls(NOW) and breaker.open_until == NOW + 10


def test_one_account_alone_never_opens_it_for_the_others() -> None:
    breaker = Breaker()
    for _ in range(50):
        breaker.fault(7, NOW, 3)
    assert not breaker.is_shut_to_calls(NOW)


def test_five_on_the_only_account_open_it() -> None:
    breaker = Breaker()
    for _ in range(5):
        breaker.fault(7, NOW, 1)
    assert breaker.is_shut_to_calls(NOW)


def test_a_success_in_between_starts_the_count_anew() -> None:
    breaker = Breaker()
    faults(breaker, 4)
    breaker.reset()
    faults(breaker, 4)
    assert not breaker.is_shut_to_calls(NOW)


def test_half_open_lets_one_probe_through_and_a_failed_one_doubles() -> None:
    breaker, now = Breaker(), NOW
    faults(breaker, 5)
    lasted = []
    for _ in range(5):
        lasted.append(breaker.open_until - now)
        now = breaker.open_until
        assert not breaker.is_shut_to_calls(now)
        assert breaker.start_probe(now)
        assert breaker.is_shut_to_calls(now)
        breaker.fault(0, now, 2)
        assert breaker.is_shut_to_calls(now)
    assert lasted == [10, 20, 40, 60, 60]


def test_a_probe_whose_client_left_makes_room_for_the_next() -> None:
    breaker = Breaker()
    faults(breaker, 5)
    breaker.start_probe(NOW + 10)
    breaker.end_probe()
    assert not breaker.is_shut_to_calls(NOW + 10)


def test_a_probe_that_is_never_heard_of_again_does_not_shut_it_for_good() -> None:
    breaker = Breaker()
    faults(breaker, 5)
    breaker.start_probe(NOW + 10)
    assert breaker.is_shut_to_calls(NOW + 69) and not breaker.is_shut_to_calls(NOW + 71)


def test_calls_from_before_it_opened_do_not_prolong_it() -> None:
    breaker = Breaker()
    faults(breaker, 50)
    assert breaker.open_until == NOW + 10


@given(
    st.lists(st.sampled_from(["fault", "ok", "wait"]), max_size=60), st.floats(min_value=-1e8, max_value=1e8)
)
def test_it_is_never_open_for_more_than_a_minute_whatever_the_clock_does(
    steps: list[str], jump: float
) -> None:
    breaker, now = Breaker(), NOW
    for number, step in enumerate(steps):
        if step == "fault":
            breaker.fault(number % 2, now, 2)
        elif step == "ok":
            breaker.reset()
        now += 5 if step == "wait" else 0
    later = now + jump
    if breaker.is_open(later):
        assert breaker.open_until - later <= 65
