"""Tokens of sign-ins are as their people are, whoever changed those; who may not come in is out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.principals import SOMEBODY
from tests.sign_ins import bearer, person, sign_in
from tokens.errors import EndedSignIn
from tokens.groups import services as groups
from tokens.models import Group, Token
from tokens.people import following, services
from tokens.people.models import Person
from tokens.registry import Registry
from tokens.revisions import counted
from tokens.signin.models import SignIn

pytestmark = pytest.mark.django_db
P = {"principal": SOMEBODY}


@pytest.fixture
def registry(settings: Any) -> Registry:
    made = Registry(settings.GATEWAY.TOKEN_SECRET.encode(), accept_unrecorded=False)
    made.load()
    return made


def now_of(token: Token) -> Token:
    return Token.objects.select_related("group").get(pk=token.pk)


def test_a_changed_limit_reaches_every_sign_in() -> None:
    who = person(budget="5")
    tokens = [sign_in(who), sign_in(who)]
    other = sign_in(person("bob@example.org"))
    services.change("ann@example.org", budget="9", allowed_models=["claude-*"], **P)
    for token in tokens:
        assert (now_of(token).budget, now_of(token).allowed_models) == (Decimal(9), ["claude-*"])
        assert now_of(token).ledger_id == f"person:{who.pk}"
    assert now_of(other).budget is None


def test_the_first_group_changes_with_memberships_and_priorities() -> None:
    groups.create("a", member_budget="1", **P)
    groups.create("b", member_budget="2", **P)
    token = sign_in(person(groups=["a"]))
    assert (now_of(token).group.name, now_of(token).budget) == ("a", 1)
    services.change("ann@example.org", groups=["a", "b"], **P)
    assert now_of(token).group.name == "a"
    groups.change("b", priority=1, **P)
    assert (now_of(token).group.name, now_of(token).budget) == ("b", 2)
    groups.change("b", member_budget="7", **P)
    assert now_of(token).budget == 7
    groups.change("b", member_budget=None, **P)
    assert now_of(token).budget is None
    services.change("ann@example.org", groups=[], **P)
    assert now_of(token).group is None


def test_who_becomes_inactive_is_out_and_stays_out(registry: Registry) -> None:
    token = sign_in(person())
    registry.apply_changes()
    assert registry.authenticate(bearer(token), 0.0).is_sign_in
    services.change("ann@example.org", active=False, **P)
    registry.apply_changes()
    with pytest.raises(EndedSignIn):
        registry.authenticate(bearer(token), 0.0)
    services.change("ann@example.org", active=True, **P)
    registry.apply_changes()
    with pytest.raises(EndedSignIn):
        registry.authenticate(bearer(token), 0.0)


def test_what_nobody_told_us_of_is_found(registry: Registry) -> None:
    groups.create("g", **P)
    token, other = sign_in(person(groups=["g"])), sign_in(person("bob@example.org", groups=["g"]))
    registry.apply_changes()
    assert following.reconcile() == 0
    seen = registry.revision
    registry.apply_changes()
    assert registry.revision == seen  # nothing to do is nothing written
    Group.objects.filter(name="g").update(member_budget="4", member_budget_period="day")
    User.objects.filter(email="bob@example.org").update(is_active=False)
    assert following.reconcile() == 2
    registry.apply_changes()
    assert registry.authenticate(bearer(token), 0.0).own.budget == 4
    with pytest.raises(EndedSignIn):
        registry.authenticate(bearer(other), 0.0)


def test_many_are_looked_at_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "BATCH", 2)
    who = person()
    tokens = [sign_in(who) for _ in range(5)]
    Person.objects.update(requests_per_minute=7)
    assert following.reconcile() == 5
    assert {now_of(token).requests_per_minute for token in tokens} == {7}
    assert following.reconcile() == 0


def test_the_sign_ins_of_somebody_without_a_row_of_limits_are_followed() -> None:
    who = person(budget="5")
    token = sign_in(who)
    Token.objects.update(person=None)
    Person.objects.all().delete()
    assert following.reconcile() == 1
    assert now_of(token).budget is None


def test_to_close_ends_each_once() -> None:
    who = person()
    token = sign_in(who)
    with counted() as revision:
        assert following.close(SignIn.objects.filter(user=who.user), revision) == 1
        assert following.close(SignIn.objects.filter(user=who.user), revision) == 0
    assert now_of(token).is_revoked and SignIn.objects.get().revoked_at
