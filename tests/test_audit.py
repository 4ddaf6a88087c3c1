"""Whoever changes a row is known: services are told who asks, and leave a row of audit with the change."""

from __future__ import annotations

import importlib
import inspect
import json
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import models, transaction
from django.test import RequestFactory

from accounts import probing as account_probing
from accounts import services as accounts
from accounts.credentials.sources import Pair
from accounts.models import Account, PoolSetting
from forgefed import deliveries, following, hosts, keys
from forgefed.models import Actor, Delivery, Following, Key, RemoteHost
from forgefed.services import service_actor
from gateway.alerts import services as alerts
from gateway.alerts import trying as alert_trying
from gateway.alerts.models import AlertChannel, AlertRule
from gateway.audit import exporting
from gateway.audit.finding import Filters
from gateway.models import AuditRow, ExchangeRow, PriceRow
from gateway.payments import refunds
from gateway.rehearsals import services as rehearsals
from gateway.rehearsals.models import Rehearsal
from gateway.usage.prices import services as prices
from gateway.usage.reporting import csv as usage_csv
from gateway.usage.reporting.question import read
from gateway.usage.requestlog import rows as requestlog
from gateway.usage.requestlog.taps import Entry
from providers import probing as provider_probing
from providers import route_services as routes
from providers import services as providers
from providers.fields import rows
from providers.files import lenv
from providers.files import services as provider_files
from providers.models import ModelMap, Provider, ProviderClear, Route
from tests import signing
from tests.gateway.usage.requests.making import call as finished
from tests.principals import SOMEBODY
from tests.second_factor import code_of, give
from tests.services import writers
from tests.sign_ins import person, sign_in
from tests.test_rules import ROOT, sources
from tokens import services as tokens
from tokens.files import lino
from tokens.files import services as token_files
from tokens.files.types import StoredToken
from tokens.groups import services as groups
from tokens.handover import services as handover
from tokens.handover.models import Handover
from tokens.leaked import services as leaked
from tokens.models import Group, Token
from tokens.people import first
from tokens.people import services as people
from tokens.people.models import Person, SetupLink
from tokens.policies import services as policies
from tokens.policies.models import Policy
from tokens.signin.models import DeviceCode, SignIn
from tokens.totp import services as totp
from tokens.totp.models import Totp

BY_TRAFFIC = {
    "forgefed/": "what other servers send, and our own actor",
    **dict.fromkeys(
        ("gateway/alerts/deciding.py", "gateway/alerts/messages.py", "gateway/alerts/outage.py"),
        "what was told, and how it was delivered",
    ),
    "gateway/exchange/stored_responses.py": "what a call made, in Redis",
    "gateway/objects/": "where an upstream keeps what a call made",
    "gateway/payments/claims.py": "what callers pay",
    "tokens/limits/": "balances, in Redis",
}
"""Rooms and files whose rows nobody asks for."""
UNRECORDED = {
    "accounts/credentials/refresh.py Refresher.refresh": "the lease of a refresh",
    "accounts/pool/store.py write_cooldowns": "what traffic teaches",
    "accounts/pool/store.py write_traffic": "what traffic teaches",
    "accounts/services.py change": "the counter",
    **dict.fromkeys(
        (f"gateway/relay/background.py Backgrounds.{name}" for name in ("begin", "forget")),
        "what callers asked for in the background",
    ),
    "gateway/relay/stored.py StoredAnswers.answer": "what callers made at an upstream",
    **dict.fromkeys(
        (
            f"gateway/usage/batches/rows.py {name}"
            for name in ("add", "claim", "drop", "due", "prune", "settle", "told")
        ),
        "batches that callers made, and their bills",
    ),
    "gateway/rehearsals/services.py take": "the counter of calls",
    "gateway/usage/daily.py add": "usage",
    "gateway/usage/hourly.py forget": "sums of hours that no chart shows any more",
    "gateway/usage/requestlog/rows.py write": "what calls ask and are answered",
    "gateway/usage/prices/services.py counted": "the counter",
    "gateway/usage/retention.py delete_before": "usage, and audit that is old",
    "providers/revisions.py change": "the counter",
    "tokens/people/following.py close": "a step of the services there, which record",
    "tokens/people/following.py follow": "copies, for the data plane",
    "tokens/people/following.py reconcile": "copies, for the data plane",
    "tokens/people/mirror.py connect": "the other half of what somebody wrote",
    "tokens/people/mirror.py renamed": "the other half of what somebody wrote",
    "tokens/people/roles.py groups_for": "a role's group where somebody has removed it; who gets the role is recorded",
    "tokens/people/sessions.py end": "follows from a change that is recorded",
    "tokens/people/mirror.py repair": "the other half of what somebody wrote",
    "tokens/signin/marking.py mark_used": "what traffic teaches",
    "tokens/totp/services.py is_right": "which code was taken last",
    "tokens/revisions.py counted": "the counter",
    "tokens/revisions.py reload_from": "the counter",
    "tokens/services.py compare_and_swap": "a step of the services there, which record",
    **signing.UNRECORDED,
}
"""Writers elsewhere that nobody asked, and what they write."""
WATCHED: tuple[type[models.Model], ...] = (
    Account, AlertChannel, AlertRule, Delivery, DeviceCode, Following, Group, Handover, Key, ModelMap, Person,
    Policy, PoolSetting, PriceRow, Provider, ProviderClear, Rehearsal, RemoteHost, Route, SetupLink, SignIn, Token,
    Totp, User,
)  # fmt: skip
P = {"principal": SOMEBODY}


def test_whoever_writes_is_told_who_asks() -> None:
    nameless = {
        f"{path} {function.name}"
        for path in sources()
        if not str(path).startswith(tuple(BY_TRAFFIC))
        for function in writers((ROOT / path).read_text())
        if not function.has_principal
    }
    assert nameless == set(UNRECORDED), "take a principal and record it, or say here why not"


NEW_SERVICE = """
def put(name, *, principal):
    Thing.objects.create(name=name)

def enable(name):
    _write(name)

def _write(name):
    row = Thing.objects.get(name=name)
    row.save()

def enable_kindly(name, *, principal):
    _write(name)

async def enable_elsewhere(name):
    await in_thread(_write)(name)

class Things:
    async def drop(self, name):
        rows = Thing.objects.filter(name=name)
        await rows.adelete()

    def look(self):
        return list(Thing.objects.all()), {}.update(a=1)

def elsewhere(name):
    services.delete(name, principal=GATEWAY)
"""


def test_files_and_services_that_are_let_off_are_there() -> None:
    assert all((ROOT / place).exists() for place in BY_TRAFFIC)
    for service, (path, action) in ELSEWHERE.items():
        text = (ROOT / path).read_text()
        assert service.__name__ in text and "AuditRow" in text and action in text, path


def test_a_new_service_that_writes_is_found() -> None:
    found = {function.name: function.has_principal for function in writers(NEW_SERVICE)}
    told = {"put", "enable_kindly"}
    assert found == {name: name in told for name in (*told, "enable", "enable_elsewhere", "Things.drop")}


# Each service leaves its row


def token() -> str:
    return tokens.issue(label="before", **P).token.id


def leaked_token() -> tokens.Issued:
    return tokens.issue(label="before", **P)


def account(**values: Any) -> str:
    return accounts.add({"name": "a", "source": "api_key", "secret": "sk-before", **values}, **P).name


def provider() -> str:
    return providers.upsert({"name": "p", "base_url": "http://p.test/v1", "api_key": "sk-before"}, **P).name


def route() -> str:
    return routes.upsert({"model": "m", "provider": "p"}, **P).model


def group() -> str:
    return groups.create("g", **P).name


def somebody() -> str:
    return person().user.email


def signed_in() -> str:
    sign_in(person())
    return "ann@example.org"


def with_code() -> User:
    user = person().user
    give(user, "A" * 32)
    return user


SETTINGS = {"env": {"SOME_KEY": "CANARY-secret"}}


def policy() -> str:
    return policies.put("*", SETTINGS, **P).group


def channel() -> str:
    given = {"name": "ops", "kind": "webhook", "target": "https://hooks.example.org/CANARY"}
    return alerts.create_channel(given, **P).channel.name


def alert_rule() -> str:
    return str(alerts.create_rule({"event": "disk", "channels": [channel()]}, **P).pk)


def rehearsal() -> str:
    return rehearsals.start({"account": account(), "fault": "429"}, **P).pk


def over() -> str:
    pk = rehearsal()
    Rehearsal.objects.update(ends_at="2026-01-01T00:00:00Z")
    return pk


def price() -> PriceRow:
    return prices.put("m", input="1", output="2", **P)


def paused() -> str:
    return accounts.pause(account(), **P).name


def pair() -> int:
    return accounts.add({"name": "o", "source": "oauth", "secret": "at", "refresh_token": "rt"}, **P).pk


def followed() -> str:
    return following.follow("https://tracker.test/actor", **P).uri


def delivery() -> Delivery:
    followed()
    Delivery.objects.update(state="failed")
    return Delivery.objects.get()


def actor() -> Actor:
    keys.rotate(service_actor(), **P)
    return service_actor()


def foreign_tokens() -> Path:
    directory = Path(token_files.settings.GATEWAY.DATA_DIR)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "tokens.lino").write_bytes(lino.write([stored()]))
    return directory


def foreign_providers() -> None:
    directory = Path(provider_files.settings.GATEWAY.DATA_DIR)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / lenv.FILE).write_text('PROVIDER: {"name":"f","kind":"openai","base_url":"http://f.test"}\n')


def stored() -> StoredToken:
    now = int(time.time())
    return StoredToken("6f0e", "foreign", now, now + 3600, False, None)


def fields_of(name: str) -> dict[str, Any]:
    return rows.checked_upsert({"name": name, "base_url": "http://q.test/v1", "api_key": "sk-after"})


Scenario = tuple[Callable[[], Any], Callable[[Any], Any], str, str]
"""What is there before, the call, and the action and subject that it leaves (`{}`: of what was there)."""


def kept_call() -> ExchangeRow:
    row = ExchangeRow.objects.get(pk=finished(token_id="t-kept"))
    requestlog.write([(str(row.pk), Entry(b"CANARY"))], 100)
    return row


SCENARIOS: dict[Callable[..., Any], Scenario] = {
    alerts.create_channel: (
        int,
        lambda _: alerts.create_channel({"name": "c", "kind": "email", "target": "a@example.org"}, **P),
        "channel.create", "channel:c",
    ),
    alerts.change_channel: (
        channel, lambda it: alerts.change_channel(it, {"target": "https://b.test/"}, **P),
        "channel.change", "channel:ops",
    ),
    alerts.remove_channel: (
        channel, lambda it: alerts.remove_channel(it, **P), "channel.remove", "channel:ops",
    ),
    alerts.create_rule: (
        channel, lambda it: alerts.create_rule({"event": "redis", "channels": [it]}, **P), "rule.create", "rule:",
    ),
    alerts.change_rule: (
        alert_rule, lambda it: alerts.change_rule(it, {"threshold": 50}, **P), "rule.change", "rule:{}",
    ),
    alerts.remove_rule: (alert_rule, lambda it: alerts.remove_rule(it, **P), "rule.remove", "rule:{}"),
    alert_trying.try_channel: (
        channel, lambda it: alert_trying.try_channel(it, **P), "channel.test", "channel:ops",
    ),
    rehearsals.start: (
        account, lambda it: rehearsals.start({"account": it, "fault": "cut"}, **P), "rehearsal.start", "rehearsal:",
    ),
    rehearsals.end: (rehearsal, lambda it: rehearsals.end(it, **P), "rehearsal.end", "rehearsal:{}"),
    rehearsals.end_over: (
        over, lambda _: rehearsals.end_over(**P), "rehearsal.end", "rehearsal:{}",
    ),
    rehearsals.end_all: (rehearsal, lambda _: rehearsals.end_all(**P), "rehearsal.end", "rehearsal:{}"),
    tokens.issue: (int, lambda _: tokens.issue(label="x", **P), "token.issue", "token:"),
    tokens.change: (token, lambda it: tokens.change(it, label="x", **P), "token.change", "token:{}"),
    tokens.revoke: (token, lambda it: tokens.revoke(it, **P), "token.revoke", "token:{}"),
    leaked.find: (leaked_token, lambda it: leaked.find(it.secret, **P), "token.find", "token:{.token.id}"),
    tokens.expire: (token, lambda it: tokens.expire(it, **P), "token.change", "token:{}"),
    tokens.rotate: (token, lambda it: tokens.rotate(it, **P), "token.rotate", "token:{}"),
    handover.take: (
        lambda: handover.issue(**P).secret, lambda it: handover.take(it, **P), "token.handover-open", "token:",
    ),
    totp.switch_on: (
        lambda: person().user,
        lambda it: totp.switch_on(it, "A" * 32, code_of("A" * 32), **P), "person.totp", "person:ann@example.org",
    ),
    totp.switch_off: (
        with_code, lambda it: totp.switch_off(it, **P), "person.totp", "person:ann@example.org",
    ),
    groups.create: (int, lambda _: groups.create("g", **P), "group.create", "group:g"),
    groups.change: (group, lambda it: groups.change(it, max_requests=5, **P), "group.change", "group:g"),
    groups.delete: (group, lambda it: groups.delete(it, **P), "group.remove", "group:g"),
    people.add: (
        int, lambda _: people.add("bob@example.org", **P), "person.create", "person:bob@example.org",
    ),
    people.change: (
        somebody, lambda it: people.change(it, budget="5", **P), "person.change", "person:ann@example.org",
    ),
    people.sign_out: (
        signed_in, lambda it: people.sign_out(it, **P), "person.sign-out", "person:ann@example.org",
    ),
    people.remove: (somebody, lambda it: people.remove(it, **P), "person.remove", "person:ann@example.org"),
    first.make_link: (int, lambda _: first.make_link(**P), "setup.link", "setup:"),
    policies.put: (group, lambda it: policies.put(it, SETTINGS, **P), "policy.set", "policy:g"),
    policies.remove: (policy, lambda it: policies.remove(it, **P), "policy.remove", "policy:*"),
    token_files.sync_files: (
        foreign_tokens, lambda _: token_files.sync_files(**P), "token.issue", "token:6f0e",
    ),
    token_files.import_directory: (
        foreign_tokens, lambda it: token_files.import_directory(it, **P), "token.issue", "token:6f0e",
    ),
    token_files.import_records: (
        int, lambda _: token_files.import_records([stored()], **P), "token.issue", "token:6f0e",
    ),
    accounts.add: (
        int,
        lambda _: accounts.add({"name": "a", "source": "api_key", "secret": "sk-after"}, **P),
        "account.create", "account:a",
    ),
    accounts.update: (
        account, lambda it: accounts.update(it, {"secret": "sk-after"}, **P), "account.change", "account:a",
    ),
    accounts.pause: (account, lambda it: accounts.pause(it, **P), "account.pause", "account:a"),
    accounts.resume: (paused, lambda it: accounts.resume(it, **P), "account.resume", "account:a"),
    accounts.clear: (account, lambda it: accounts.clear(it, **P), "account.clear", "account:a"),
    accounts.remove: (account, lambda it: accounts.remove(it, **P), "account.remove", "account:a"),
    accounts.set_strategy: (
        int, lambda _: accounts.set_strategy("priority", **P), "pool.change", "pool:strategy",
    ),
    accounts.store_pair: (
        pair, lambda it: accounts.store_pair(it, Pair("at-after", "rt", None), **P),
        "account.change", "account:o",
    ),
    accounts.mark_dead: (
        pair, lambda it: accounts.mark_dead(it, "0000", "x", **P), "account.change", "account:o",
    ),
    accounts.sync_from_environment: (
        int, lambda _: accounts.sync_from_environment(**P), "account.create", "account:primary",
    ),
    accounts.sync_once: (int, lambda _: accounts.sync_once(**P), "account.create", "account:primary"),
    account_probing.probe: (
        partial(account, source="environment", secret="", location="NOT_SET_ANYWHERE"),
        lambda it: account_probing.probe(it, **P), "account.test", "account:a",
    ),
    providers.upsert: (
        int, lambda _: providers.upsert({"name": "p", "base_url": "http://p"}, **P),
        "provider.create", "provider:p",
    ),
    providers.change: (
        provider, lambda it: providers.change(it, {"api_key": "sk-after"}, **P),
        "provider.change", "provider:p",
    ),
    providers.import_text: (
        provider, lambda _: providers.import_text('[{"name": "p", "base_url": "http://q"}]', **P),
        "provider.change", "provider:p",
    ),
    providers.enable: (
        lambda: providers.disable(provider(), **P).name,
        lambda it: providers.enable(it, **P), "provider.change", "provider:p",
    ),
    providers.disable: (provider, lambda it: providers.disable(it, **P), "provider.change", "provider:p"),
    providers.clear: (provider, lambda it: providers.clear(it, **P), "provider.clear", "provider:p"),
    providers.remove: (provider, lambda it: providers.remove(it, **P), "provider.remove", "provider:p"),
    provider_files.sync_file: (
        foreign_providers, lambda _: provider_files.sync_file(**P), "provider.create", "provider:f",
    ),
    provider_probing.probe: (
        lambda: providers.change(provider(), {"api_key": None}, **P).name,
        lambda it: provider_probing.probe(it, **P), "provider.test", "provider:p",
    ),
    rows.remove: (
        lambda: Provider.objects.get(name=provider()), lambda it: rows.remove(it, **P), "provider.remove", "provider:p",
    ),
    rows.put: (provider, lambda it: rows.put(fields_of(it), **P), "provider.change", "provider:p"),
    rows.save: (
        int, lambda _: rows.save(Provider(name="q"), fields_of("q"), **P), "provider.create", "provider:q",
    ),
    routes.upsert: (
        int, lambda _: routes.upsert({"model": "m", "provider": "p"}, **P), "route.create", "route:m",
    ),
    routes.change: (route, lambda it: routes.change(it, {"priority": 1}, **P), "route.change", "route:m"),
    routes.remove: (route, lambda it: routes.remove(it, **P), "route.remove", "route:m"),
    routes.put_mapping: (
        int, lambda _: routes.put_mapping("gpt-*", "claude", **P), "mapping.create", "mapping:gpt-*",
    ),
    routes.remove_mapping: (
        lambda: routes.put_mapping("gpt-*", "claude", **P).pattern,
        lambda it: routes.remove_mapping(it, **P), "mapping.remove", "mapping:gpt-*",
    ),
    prices.put: (
        int, lambda _: prices.put("m", input="1", output="2", **P), "price.create", "price:m",
    ),
    prices.put_all: (
        price, lambda _: prices.put_all([{"model": "m", "output": "3"}], {}, **P), "price.change", "price:m",
    ),
    prices.delete: (price, lambda it: prices.delete(it.model, **P), "price.remove", "price:m"),
    following.follow: (
        service_actor, lambda _: following.follow("https://tracker.test/actor", **P),
        "federation.follow", "https://tracker.test/actor",
    ),
    following.unfollow: (followed, lambda it: following.unfollow(it, **P), "federation.unfollow", "{}"),
    deliveries.retry_now: (
        delivery, lambda it: deliveries.retry_now(it, **P), "federation.retry", "{0.pk}",
    ),
    hosts.block: (int, lambda _: hosts.block("evil.test", True, **P), "federation.block", "evil.test"),
    keys.rotate: (actor, lambda it: keys.rotate(it, **P), "federation.rotate-keys", "{0.name}"),
    requestlog.read: (
        kept_call, lambda it: requestlog.read(it, **P), "log.read", "token:t-kept",
    ),
    exporting.export: (
        int, lambda _: exporting.export(Filters(), **P), "audit.export", "audit:",
    ),
    usage_csv.export: (
        int, lambda _: usage_csv.export(read({}, date.today()), **P), "usage.export", "usage:",
    ),
    prices.delete_row: (price, lambda it: prices.delete_row(it.pk, **P), "price.remove", "price:m"),
    **signing.SCENARIOS,
}  # fmt: skip


ELSEWHERE: dict[Callable[..., Any], tuple[str, str]] = {
    refunds.give_back: ("tests/gateway/payments/test_refunds.py", "payment.refund"),
    refunds.reconcile: ("tests/gateway/payments/test_refunds.py", "payment.reconcile"),
    first.make_admin: ("tests/tokens/people/test_first.py", "setup.done"),
    handover.issue: ("tests/tokens/handover/test_services.py", "token.handover"),
}
"""Coroutines, and what leaves more than one row, which own tests look after: where, and the action that they leave."""


def services() -> Iterator[Callable[..., Any]]:
    """Yield every public function of ours that is told who asks."""
    for path in sources():
        if "principal" not in (ROOT / path).read_text() or path.parts[:2] == ("gateway", "kernel"):
            continue
        module = importlib.import_module(".".join(path.with_suffix("").parts))
        for name, function in inspect.getmembers(module, inspect.isfunction):
            is_own = function.__module__ == module.__name__ and not name.startswith("_")
            if is_own and "principal" in inspect.signature(function).parameters:
                yield function


def test_every_service_has_its_scenario_and_nobody_for_a_default() -> None:
    assert set(services()) == set(SCENARIOS) | set(ELSEWHERE)
    named = [inspect.signature(service).parameters["principal"] for service in services()]
    assert all(argument.default is argument.empty for argument in named)


def as_stored() -> dict[str, list[dict[str, Any]]]:
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in WATCHED}


@pytest.fixture(params=SCENARIOS, ids=lambda function: f"{function.__module__}.{function.__name__}")
def scenario(request: pytest.FixtureRequest, options: Any, tmp_path: Path, db: None) -> Any:
    options(DATA_DIR=tmp_path / "data", STORAGE_POLICY="text")
    prepare, call, action, subject = SCENARIOS[request.param]
    there = prepare()
    AuditRow.objects.all().delete()
    return SimpleNamespace(call=partial(call, there), action=action, subject=subject.format(there))


def test_each_change_leaves_one_row(scenario: Any) -> None:
    before = as_stored()
    scenario.call()
    row = AuditRow.objects.get()
    assert (row.action, row.who_name, row.peer) == (scenario.action, "ann@example.org", "192.0.2.7")
    is_made = scenario.subject in ("token:", "rule:", "rehearsal:") and len(row.subject) > len(
        scenario.subject
    )
    assert row.subject == scenario.subject or (is_made and row.subject.startswith(scenario.subject))
    kept = json.dumps([row.before, row.after])
    for secret in ("sk-before", "sk-after", "at-after", "gcm1:", "CANARY"):
        assert secret not in kept
    assert as_stored() != before or row.action.endswith((".test", ".export", ".find", ".read"))


def test_change_and_row_are_rolled_back_together(scenario: Any) -> None:
    before = as_stored()
    with pytest.raises(RuntimeError), transaction.atomic():
        scenario.call()
        raise RuntimeError
    assert as_stored() == before
    assert not AuditRow.objects.exists()


def test_what_can_not_be_recorded_is_not_changed(scenario: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no room for audit")

    before = as_stored()
    monkeypatch.setattr(models.Manager, "bulk_create", fail)
    with pytest.raises(RuntimeError), transaction.atomic():
        scenario.call()
    assert as_stored() == before


# The admin has no way around the services


@pytest.mark.django_db
def test_pages_that_change_rows_do_it_through_services() -> None:
    request = RequestFactory().post("/admin/")
    request.user = get_user_model()(is_active=True, is_staff=True, is_superuser=True)
    around = []
    for model, page in admin.site._registry.items():
        needed = []
        if page.has_add_permission(request) or page.has_change_permission(request):
            needed.append("save_model")
        if page.has_delete_permission(request):
            needed += ["delete_model", "delete_queryset"]
        if "delete_selected" not in page.get_actions(request) and "delete_queryset" in needed:
            needed.remove("delete_queryset")
        own = [base for base in type(page).__mro__ if not base.__module__.startswith("django.")]
        around += [
            f"{model.__name__}.{name}" for name in needed if not any(name in vars(base) for base in own)
        ]
    assert around == []
