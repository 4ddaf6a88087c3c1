from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from forgefed import changes, deliveries, following, hosts
from forgefed.deliveries import Outcome
from forgefed.models import Activity, Delivery, RemoteHost
from gateway.kernel.principal import GATEWAY

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("federation")]

INBOX = "https://a.example/inbox"


def say(recipient: str = "https://a.example/u") -> Delivery:
    return Delivery.objects.get(activity=deliveries.say("Accept", "x", recipient, INBOX))


def fresh(delivery: Delivery) -> Delivery:
    return Delivery.objects.get(pk=delivery.pk)


def test_what_is_said_is_due_at_once(django_capture_on_commit_callbacks):
    told: list[int] = []
    changes.outgoing.add(callback := lambda: told.append(1))
    with django_capture_on_commit_callbacks(execute=True):
        delivery = say()
    changes.outgoing.remove(callback)
    assert told == [1]
    assert [one.pk for one in deliveries.claim()] == [delivery.pk]


def test_a_claim_is_one_process_s_until_it_runs_out():
    delivery = say()
    assert len(deliveries.claim()) == 1
    assert deliveries.claim() == []
    Delivery.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert [one.pk for one in deliveries.claim()] == [delivery.pk]


@pytest.mark.django_db(transaction=True)
def test_many_at_once_claim_each_delivery_once():
    for number in range(30):
        say(f"https://a.example/u/{number}")
    taken: list[int] = []
    begin = threading.Barrier(4)

    def work() -> None:
        begin.wait()
        for _ in range(6):
            taken.extend(one.pk for one in deliveries.claim(10))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(set(taken)) and len(taken) == 30


def test_waits_double_with_a_part_of_chance_up_to_six_hours(options):
    options(FORGEFED_RETRY_SECONDS=60.0)
    for attempts, least in ((1, 60), (2, 120), (5, 960), (9, 15360), (10, 21600), (500, 21600)):
        waits = [deliveries.wait_seconds(attempts) for _ in range(50)]
        assert least <= min(waits) and max(waits) <= least * 1.25
        assert len(set(waits)) > 1


def test_a_try_that_failed_is_repeated_later_and_says_why():
    delivery = say()
    deliveries.conclude(delivery, Outcome(503, "503: away", is_over=False, is_away=True))
    row = fresh(delivery)
    assert (row.state, row.attempts, row.last_status, row.last_error) == ("waiting", 1, 503, "503: away")
    assert row.next_at > timezone.now() + timedelta(seconds=50)
    assert deliveries.claim() == []
    assert RemoteHost.objects.get(host="a.example").failing_since is not None
    deliveries.conclude(row, Outcome(202))
    assert (fresh(row).state, fresh(row).last_error) == ("delivered", "")
    assert RemoteHost.objects.get().failing_since is None


def test_the_servers_own_wish_is_heard():
    delivery = say()
    deliveries.conclude(delivery, Outcome(429, "429", is_over=False, retry_after_seconds=900))
    assert fresh(delivery).next_at > timezone.now() + timedelta(seconds=800)
    assert not RemoteHost.objects.filter(failing_since__isnull=False).exists()


def test_after_days_it_is_given_up(options):
    options(FORGEFED_GIVE_UP_SECONDS=100.0)
    delivery = say()
    delivery.created_at -= timedelta(seconds=101)
    deliveries.conclude(delivery, Outcome(None, "no answer", is_over=False, is_away=True))
    assert fresh(delivery).state == "failed"


def test_while_a_server_is_away_its_other_deliveries_wait_untried():
    first, second = say(), say("https://a.example/v")
    deliveries.conclude(first, Outcome(None, "away", is_over=False, is_away=True))
    assert deliveries.postponed(second)
    assert fresh(second).next_at == RemoteHost.objects.get().retry_at
    assert fresh(second).attempts == 0
    elsewhere = deliveries.say("Accept", "x", "https://b.example/u", "https://b.example/inbox")
    assert not deliveries.postponed(Delivery.objects.get(activity=elsewhere))


def test_a_dead_or_blocked_server_gets_nothing(options):
    options(FORGEFED_GIVE_UP_SECONDS=100.0)
    delivery = say()
    long_ago, later = timezone.now() - timedelta(seconds=200), timezone.now() + timedelta(seconds=50)
    RemoteHost.objects.create(host="a.example", failing_since=long_ago, retry_at=later)
    assert deliveries.postponed(delivery)
    assert "away" in fresh(delivery).last_error and fresh(delivery).state == "failed"
    hosts.block("a.example", True, GATEWAY)
    other = say("https://a.example/w")
    assert deliveries.postponed(other)
    assert "blocked" in fresh(other).last_error


def test_retry_now_begins_anew():
    delivery = say()
    deliveries.conclude(delivery, Outcome(None, "away", is_over=False, is_away=True))
    deliveries.retry_now(fresh(delivery), GATEWAY)
    assert not deliveries.postponed(fresh(delivery))
    assert [one.pk for one in deliveries.claim()] == [delivery.pk]
    deliveries.conclude(fresh(delivery), Outcome(404, "404"))
    assert fresh(delivery).state == "failed"
    deliveries.retry_now(fresh(delivery), GATEWAY)
    assert (fresh(delivery).state, fresh(delivery).ended_at) == ("waiting", None)


def test_answers_that_went_out_long_ago_are_forgotten_and_follows_are_not():
    done, waiting = say(), say("https://a.example/v")
    deliveries.conclude(done, Outcome(202))
    followed = following.follow("https://b.example/u", GATEWAY).activity
    Activity.objects.update(said_at=timezone.now() - timedelta(days=31))
    deliveries.forget_old()
    assert not Activity.objects.filter(pk=done.activity_id).exists()
    assert Activity.objects.filter(pk__in=[waiting.activity_id, followed.pk]).count() == 2
