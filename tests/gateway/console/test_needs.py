from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from accounts import services as accounts
from accounts.pool import live
from accounts.pool.pool import Pool
from gateway.console import figures
from gateway.console.needs import Need, needs
from gateway.kernel.parts import PARTS
from gateway.usage.viewing import LedgerReader
from providers.drivers.base import Scope
from tests.accounts.building import call as use
from tests.accounts.building import limit
from tests.gateway.usage.requests.making import call
from tests.principals import SOMEBODY
from tokens import services as tokens
from tokens.groups import services as groups
from tokens.limits.calendar import Calendar
from tokens.limits.ledger import Balance
from tokens.limits.memory import MemoryLedger
from tokens.limits.usage import READER
from tokens.models import Group, Token
from tokens.records import group_ledger, limits_of

pytestmark = pytest.mark.django_db(transaction=True)
P: dict[str, Any] = {"principal": SOMEBODY}


@pytest.fixture(autouse=True)
def nothing_of_this_machine(options: Any, tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path, CLAUDE_CODE_HOME=str(tmp_path / "none"))


def everything() -> list[Need]:
    today = datetime.now(UTC).date()
    return needs(today, figures.sums_of([today]))


def told() -> dict[str, tuple[str, str, str]]:
    return {need.kind: (need.subject, need.text, need.url) for need in everything()}


def serve() -> Pool:
    """A pool that serves here, of the accounts that there are."""
    pool = Pool()
    pool.load()
    PARTS.put(live.POOL, pool)
    return pool


def test_a_gateway_without_accounts_says_so() -> None:
    PARTS.put(live.POOL, Pool())
    assert told()["no-account"][0] == "account:"


def test_accounts_that_are_out_or_need_a_login() -> None:
    accounts.add({"name": "tired", "source": "api_key", "secret": "sk-1"}, **P)
    accounts.add({"name": "paused", "source": "api_key", "secret": "sk-2"}, **P)
    accounts.pause("paused", **P)
    pool = serve()
    assert told() == {}
    state = next(state for state in pool.states() if state.name == "tired")
    accounts.mark_dead(state.id, state.fingerprint, "revoked", **P)
    pool.load()
    assert told()["account-login"] == (
        "account:tired", "tired needs a new login.", "/console/accounts/tired/",
    )  # fmt: skip


def test_models_without_a_price() -> None:
    serve_one()
    call(model_served="claude-new", cost=None, currency="")
    call(model_served="claude-new", cost=None, currency="")
    subject, text, url = told()["no-price"]
    assert (subject, text) == ("price:claude-new", "2 calls of claude-new today: no price is known.")
    assert url.startswith("/console/requests/?model=claude-new&from=")


def serve_one() -> None:
    accounts.add({"name": "one", "source": "api_key", "secret": "sk-1"}, **P)
    serve()


@pytest.fixture
def reader() -> Iterator[LedgerReader]:
    """A ledger on an event loop of its own, as in a process that serves."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    made = LedgerReader(MemoryLedger(Calendar("UTC")), loop)
    PARTS.put(READER, made)
    yield made
    PARTS.drop(READER)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_budgets_that_are_nearly_used_up(reader: LedgerReader) -> None:
    serve_one()
    groups.create("red", budget="10", budget_currency="USD", budget_period="month", **P)
    groups.create("blue", budget="10", budget_currency="USD", budget_period="month", **P)
    tokens.issue(label="laptop", budget="4", budget_currency="USD", budget_period="month", **P)
    for group, spent in zip(Group.objects.order_by("-name"), ("9.25", "1"), strict=True):
        seed(reader, limits_of(group, group_ledger(group.pk), group.name), spent)
    token = Token.objects.get()
    seed(reader, limits_of(token, token.ledger_id), "4")
    found = {need.subject: (need.text, need.url) for need in everything()}
    assert found == {
        "group:red": ("Group red is at 92 % of its budget.", "/console/usage/?group=red&by=token"),
        f"token:{token.id}": (
            "Token laptop is at 100 % of its budget.", f"/console/usage/?token={token.id}&by=model",
        ),
    }  # fmt: skip


def seed(reader: LedgerReader, limits: Any, spent: str) -> None:
    working = reader.ledger.seed(limits, Balance(1, Decimal(spent)), time.time())
    asyncio.run_coroutine_threadsafe(working, reader.loop).result(5)


def test_a_process_without_a_ledger_tells_no_budgets() -> None:
    serve_one()
    groups.create("red", budget="10", budget_currency="USD", budget_period="month", **P)
    assert told() == {}


def test_an_account_on_cooldown_is_told_with_its_end() -> None:
    serve_one()
    pool = live.serving()
    assert pool is not None
    use(pool, limit(Scope.ACCOUNT, 3600, time.time()))
    assert told()["account-out"][1].startswith("one is out until ")
