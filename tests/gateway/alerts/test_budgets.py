"""What is spent of budgets, as events and the ledger tell it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from gateway.alerts import budgets
from gateway.alerts.seen import Seen
from gateway.kernel.events import Event
from gateway.kernel.parts import PARTS
from gateway.usage.viewing import LedgerReader
from tests.principals import SOMEBODY
from tests.sign_ins import person, sign_in
from tokens import services as tokens
from tokens.groups import services as groups
from tokens.limits.calendar import Calendar
from tokens.limits.ledger import Balance
from tokens.limits.memory import MemoryLedger
from tokens.limits.usage import READER
from tokens.models import Group, Token
from tokens.people import services as people
from tokens.records import group_ledger, limits_of

pytestmark = pytest.mark.django_db(transaction=True)
P: dict[str, Any] = {"principal": SOMEBODY}


@pytest.fixture
def reader() -> Iterator[LedgerReader]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    before = PARTS.get(READER)
    found = LedgerReader(MemoryLedger(Calendar("UTC")), loop)
    PARTS.put(READER, found)
    yield found
    PARTS.put(READER, before) if before is not None else PARTS.drop(READER)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def spend(reader: LedgerReader, row: Group | Token, spent: str) -> None:
    limits = (
        limits_of(row, group_ledger(row.pk), row.name)
        if isinstance(row, Group)
        else limits_of(row, row.ledger_id)
    )
    seed = reader.ledger.seed(limits, Balance(spent=Decimal(spent)), time.time())
    asyncio.run_coroutine_threadsafe(seed, reader.loop).result(30)


def event(subject: str, kind: str = "budget-share", spent: str = "8.5") -> Event:
    return Event(kind, subject, time.time(), {"percent": 80, "spent": spent})


def told(seen: Seen) -> tuple[str, int | None, object]:
    return seen.subject, seen.value, seen.details["label"]


def test_events_name_a_group_a_token_and_who_signed_in() -> None:
    groups.create("team", budget="10", budget_period="month", **P)
    token = tokens.issue(label="ci", budget="10", budget_period="day", **P).token
    ann = person()
    sign_in(ann)
    people.change(ann.user.email, budget="10", budget_period="week", **P)
    hers = Token.objects.get(sign_in__isnull=False)
    seen = list(
        budgets.of_events(
            [
                event("group:team"),
                event(f"token:{token.ledger_id}"),
                event(f"token:{hers.ledger_id}"),
                event("token:x"),
            ]
        )
    )
    assert [told(each) for each in seen] == [
        ("group:team", 85, "team"),
        (f"token:{token.id}", 85, "ci"),
        ("person:ann@example.org", 85, "ann@example.org"),
    ]
    assert seen[0].period.startswith("month:") and seen[0].valid_until is not None
    assert seen[0].details["budget"] == "10" and seen[0].details["currency"] == "USD"


def test_a_rotated_token_is_named_as_it_is_now() -> None:
    old = tokens.issue(budget="10", budget_period="day", **P).token
    tokens.rotate(old.id, **P)
    new = Token.objects.get(rotated_from=old.id)
    [seen] = budgets.of_events([event(f"token:{old.ledger_id}")])
    assert seen.subject == f"token:{new.id}"


def test_a_refusal_is_all_of_it() -> None:
    groups.create("team", budget="10", budget_period="never", **P)
    [seen] = budgets.of_events([event("group:team", "budget-refused", "9.99")])
    assert (seen.value, seen.period, seen.valid_until, seen.details["is_refused"]) == (
        100,
        "never:0",
        None,
        True,
    )
    assert list(budgets.of_events([event("group:team", "account-out")])) == []


def test_now_and_then_all_that_the_ledger_knows(reader: LedgerReader) -> None:
    groups.create("team", budget="10", budget_period="month", **P)
    groups.create("idle", budget="10", budget_period="month", **P)
    token = tokens.issue(label="ci", budget="4", budget_period="day", **P).token
    ended = tokens.issue(budget="4", budget_period="day", **P).token
    tokens.revoke(ended.id, **P)
    spend(reader, Group.objects.get(name="team"), "9")
    spend(reader, token, "1")
    assert [told(each) for each in budgets.of_all(with_rows=False)] == [
        ("group:team", 90, "team"),
        (f"token:{token.id}", 25, "ci"),
    ]
    assert len(list(budgets.of_all(with_rows=True))) == 2


def test_whether_it_is_still_so(reader: LedgerReader) -> None:
    groups.create("team", budget="10", budget_period="month", **P)
    spend(reader, Group.objects.get(name="team"), "9")
    assert budgets.is_still_at("group:team", 80) and not budgets.is_still_at("group:team", 95)
    groups.change("team", budget="100", **P)
    assert not budgets.is_still_at("group:team", 80)
    assert not budgets.is_still_at("group:other", 80)
