"""Find what needs somebody: accounts, providers, budgets and prices, each with a sentence and the page to go to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

from accounts.pool.live import pool_to_show
from accounts.pool.overview import is_healthy, provider_status
from accounts.pool.pool import Pool
from accounts.pool.state import AccountState
from gateway.kernel.moments import end_for_people
from gateway.kernel.parts import PARTS
from gateway.usage.viewing import LedgerReader
from tokens.limits.ledger import State
from tokens.limits.usage import READER
from tokens.models import Group, Token
from tokens.records import Limits, group_ledger, limits_of

NEAR_PERCENT = 80
MOST_BUDGETS = 500
MOST_MODELS = 20


@dataclass(frozen=True, slots=True)
class Need:
    """One thing to look at. `kind`: account-login, account-out, provider-out, budget, no-price or no-account."""

    kind: str
    subject: str
    text: str
    url: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def needs(today: date, sums: Iterable[Any]) -> list[Need]:
    """Return everything that needs somebody, in two queries. `sums` are those of `figures.sums_of`."""
    pool = pool_to_show()
    return [*_accounts(pool), *_providers(pool), *_budgets(), *_prices(today, sums)]


def _accounts(pool: Pool) -> Iterator[Need]:
    states = [state for state in pool.states() if not state.terms.is_absent]
    if not states and not pool.own_keys():
        text = "There is no account yet, so calls for Anthropic's models can't be served."
        yield Need("no-account", "account:", text, "/console/add-account/")
    for state in states:
        subject, url = f"account:{state.name}", f"/console/accounts/{quote(state.name, safe='')}/"
        if state.is_dead or state.loaded.is_logged_out:
            yield Need("account-login", subject, f"{state.name} needs a new login.", url)
        elif not state.terms.is_paused and not is_healthy(state, pool.now()):
            yield Need("account-out", subject, f"{state.name} is out{_until(state, pool.now())}.", url)


def _until(state: AccountState, now: float) -> str:
    cooldown, quota = state.cooldowns.on_account(), state.quota_cooldown_until(now)
    ends = [
        end for end in (None if cooldown is None else cooldown.until, quota) if end is not None and end > now
    ]
    return f" {end_for_people(max(ends), now)}" if ends else ""


def _providers(pool: Pool) -> Iterator[Need]:
    for name in sorted(pool.breakers()):
        status = provider_status(pool, name)
        if status is not None:
            text = f"{name} is {status.state} {end_for_people(status.until, pool.now())}: {status.reason}"
            yield Need(
                "provider-out", f"provider:{name}", text, f"/console/providers/{quote(name, safe='')}/"
            )


def _budgets() -> Iterator[Need]:
    """Tell budgets that are nearly used up, as far as the ledger knows them: those that have been called with."""
    reader = PARTS.get(READER)
    if not isinstance(reader, LedgerReader):
        return
    groups = Group.objects.filter(budget__isnull=False)[:MOST_BUDGETS]
    tokens = Token.objects.filter(budget__isnull=False, revoked_at__isnull=True)[:MOST_BUDGETS]
    subjects: dict[str, tuple[str, str]] = {}
    sets: list[Limits] = []
    for group in groups:
        sets.append(limits_of(group, group_ledger(group.pk), group.name))
        subjects[sets[-1].ledger] = (
            f"group:{group.name}",
            f"/console/usage/?group={quote(group.name)}&by=token",
        )
    for token in tokens:
        sets.append(limits_of(token, token.ledger_id))
        subjects[sets[-1].ledger] = f"token:{token.id}", f"/console/usage/?token={quote(token.id)}&by=model"
    names = {token.ledger_id: token.label or token.id for token in tokens}
    for state in reader.known(tuple(sets)) if sets else ():
        percent = _percent(state)
        if percent >= NEAR_PERCENT:
            ledger = state.limits.ledger
            name = f"Group {state.limits.name}" if state.limits.name else f"Token {names[ledger]}"
            yield Need(
                "budget", subjects[ledger][0], f"{name} is at {percent} % of its budget.", subjects[ledger][1]
            )


def _percent(state: State) -> int:
    budget = state.limits.budget
    if budget is None:
        return 0
    return int(state.spent * 100 / budget) if budget > 0 else 100


def _prices(today: date, sums: Iterable[Any]) -> Iterator[Need]:
    counted: Counter[str] = Counter()
    for row in sums:
        if row["day"] == today and row["without_price"]:
            counted[row["model"]] += int(row["without_price"])
    for model, count in counted.most_common(MOST_MODELS):
        text = f"{count} call{'s' if count > 1 else ''} of {model or 'an unknown model'} today: no price is known."
        yield Need(
            "no-price", f"price:{model}", text, f"/console/requests/?model={quote(model)}&from={today}"
        )
