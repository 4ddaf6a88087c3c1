"""What is told, once, by however many workers; and how outages end."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from gateway.alerts.deciding import Decider, load_rules, matched
from gateway.alerts.models import AlertEntry, AlertMessage, AlertSighting
from gateway.alerts.seen import Seen
from tests.gateway.alerts.making import P, channel, rule, services

pytestmark = pytest.mark.django_db
OUT = Seen("account-out", "account:a", beside=("provider:p",), details={"reason": "rate limited"})


def spent(percent: int, subject: str = "group:g", period: str = "month:0") -> Seen:
    return Seen("budget", subject, value=percent, period=period, details={"percent": percent})


class Clock:
    now = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now


class Worker:
    """A worker that looks when the test says so."""

    def __init__(self, name: str, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.decider = Decider(name, self.clock)

    def look(self, *seen: Seen, later: float = 0.0, muted: tuple[str, ...] = ()) -> int:
        self.clock.now += later
        rules = load_rules()
        return self.decider.decide(rules, matched(rules, seen), muted)


def told() -> list[tuple[str, str, str]]:
    rows = AlertMessage.objects.order_by("at", "id")
    return [(row.channel, row.state, row.content["title"]) for row in rows]


@pytest.fixture(autouse=True)
def ops() -> None:
    channel()


def test_a_budgets_threshold_is_told_once_in_a_period() -> None:
    rule("budget", threshold=80)
    one, other = Worker("1"), Worker("2")
    assert (one.look(spent(79)), one.look(spent(80)), one.look(spent(90)), other.look(spent(95))) == (
        0,
        1,
        0,
        0,
    )
    assert Worker("3").look(spent(99)) == 0, "a restart repeats nothing"
    assert one.look(spent(80, period="month:1"), later=3_601) == 1
    assert one.look(spent(80, "group:h")) == 1


def test_of_thresholds_crossed_at_once_a_channel_hears_the_highest_only() -> None:
    channel("chat", "slack")
    rules = {percent: rule("budget", threshold=percent) for percent in (50, 80, 95)}
    rule("budget", ("chat", "ops"), threshold=50)
    assert Worker("1").look(spent(85)) == 2
    rows = {row.channel: row.rule_id for row in AlertMessage.objects.all()}
    assert rows["ops"] == rules[80].pk and rows["chat"] not in (rules[80].pk, rules[50].pk)
    assert Worker("1").look(spent(86)) == 0
    assert Worker("1").look(spent(96)) == 1


def test_tokens_are_told_the_nearer_the_later() -> None:
    for days in (7, 3):
        rule("token-expires", threshold=days)

    def left(days: int) -> Seen:
        return Seen(
            "token-expires", "token:1", value=days, period="1", details={"seconds_left": days * 86_400}
        )

    worker = Worker("1")
    assert [worker.look(left(days)) for days in (8, 7, 5, 3, 2)] == [0, 1, 0, 1, 0]


def test_rules_ask_for_all_or_for_one() -> None:
    rule("account-out", subject="account:b")
    assert Worker("1").look(OUT) == 0
    rule("account-out", subject="provider:p")
    assert Worker("1").look(OUT) == 1
    rule("account-out", enabled=False)
    assert Worker("1").look(OUT) == 0


def test_an_outage_is_told_once_and_its_end_once() -> None:
    rule("account-out")
    one, other = Worker("1"), Worker("2")
    assert (one.look(OUT), one.look(OUT, later=1), other.look(OUT)) == (1, 0, 0)
    assert one.look(later=1) == 0, "not seen for two seconds is not seen"
    assert one.look(later=3) == 0, "the other worker still sees it"
    assert (other.look(later=3), other.look(later=3), one.look(later=3)) == (0, 1, 0)
    assert [state for _, state, _ in told()] == ["firing", "resolved"]
    assert one.look(OUT, later=3_600) == 1, "another outage"


def test_a_worker_that_died_holds_an_outage_open_for_twenty_seconds_only() -> None:
    rule("account-out")
    clock = Clock()
    Worker("dead", clock).look(OUT)
    after = Worker("next", clock)
    assert [after.look(later=9), after.look(later=9), after.look(later=9)] == [0, 0, 1]


def test_a_restart_repeats_nothing_and_takes_the_outage_on() -> None:
    rule("account-out")
    clock = Clock()
    Worker("dead", clock).look(OUT)
    after = Worker("next", clock)
    assert [
        after.look(OUT, later=30),
        after.look(OUT, later=30),
        after.look(later=3),
        after.look(later=3),
    ] == [0, 0, 0, 1]


def test_what_comes_and_goes_is_told_once_an_hour_and_then_if_it_lasts() -> None:
    rule("account-out")
    worker = Worker("1")
    began = worker.clock.now
    made = sum(worker.look(OUT, later=1) + worker.look(later=1) + worker.look(later=3) for _ in range(50))
    assert made == 2, "one outage and its end"
    worker.clock.now = began + 3_500
    assert Worker("2", worker.clock).look(OUT) == 0, "whoever looks"
    assert worker.look(OUT, later=102) == 1, "it lasts, and an hour has gone"
    assert (worker.look(later=1), worker.look(later=3)) == (0, 1)


def test_another_period_of_a_budget_is_told_an_hour_after_the_first() -> None:
    rule("budget", threshold=80)
    worker = Worker("1")
    late, early = spent(90, period="day:0"), spent(85, period="day:1")
    assert [worker.look(late), worker.look(early, later=1_800)] == [1, 0]
    assert [worker.look(early, later=1_801), worker.look(early)] == [1, 0]


def test_ten_thousand_events_make_one_message_for_each_subject(django_assert_max_num_queries: Any) -> None:
    rule("budget", threshold=50)
    rule("account-out")
    worker = Worker("1")
    seen = [
        each
        for number in range(1_000)
        for each in (
            Seen("account-out", f"account:{number % 20}"),
            spent(50 + number % 50, f"group:{number % 30}"),
        )
    ]
    made = sum(worker.look(*seen, later=6) for _ in range(5))
    assert made == 20 + 30
    with django_assert_max_num_queries(8):
        worker.look(*seen)


def test_a_rule_that_is_gone_ends_its_outage_without_a_word() -> None:
    made = rule("account-out")
    worker = Worker("1")
    worker.look(OUT)
    services.remove_rule(str(made.pk), **P)
    assert worker.look(OUT, later=5) == 0
    assert AlertEntry.objects.get().ended_at is not None
    assert [state for _, state, _ in told()] == ["firing"]


def test_of_what_is_rehearsed_nothing_is_concluded() -> None:
    rule("account-out")
    worker = Worker("1")
    worker.look(OUT)
    assert [worker.look(later=5, muted=("account:a",)) for _ in range(3)] == [0, 0, 0]
    assert AlertEntry.objects.get().ended_at is None
    assert [worker.look(later=5), worker.look(later=5)] == [0, 1]


def test_quiet_hours_hold_a_message_and_what_has_ended_before_is_never_told() -> None:
    rule("account-out", quiet_from="11:00", quiet_to="13:00")
    worker = Worker("1")
    assert worker.look(OUT) == 1
    held = AlertMessage.objects.get()
    assert held.is_held and held.next_at == held.at.replace(hour=13)
    worker.look(later=1)
    worker.look(later=5)
    assert not AlertMessage.objects.exists() and AlertEntry.objects.get().ended_at is not None


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_tell_a_thing_once() -> None:
    rule("account-out")
    rule("budget", threshold=80)
    seen = [spent(90, f"group:{number}") for number in range(20)]
    begin = threading.Barrier(6)
    failed: list[BaseException] = []

    def look(number: int) -> None:
        try:
            begin.wait(30)
            Worker(str(number)).look(OUT, *seen)
        except BaseException as exc:  # noqa: BLE001 - told below
            failed.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=look, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert not failed and AlertMessage.objects.count() == 21
    assert AlertSighting.objects.count() >= 1


def test_the_channels_of_what_was_told_hear_of_its_end() -> None:
    channel("chat", "slack")
    made = rule("account-out")
    worker = Worker("1")
    worker.look(OUT)
    services.change_rule(str(made.pk), {"channels": ["ops", "chat"]}, **P)
    worker.look(later=1)
    worker.look(later=5)
    assert [(name, state) for name, state, _ in told()] == [("ops", "firing"), ("ops", "resolved")]
