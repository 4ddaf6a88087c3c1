"""Policies: whose settings a person gets, and what is taken as settings."""

from __future__ import annotations

import json
import time

import pytest
from django.contrib.auth.models import Group as StaffGroup
from django.contrib.auth.models import User

from tests.principals import SOMEBODY
from tokens.errors import BadTokenField, GroupNotFound
from tokens.models import Group, Token, TokensRevision
from tokens.policies import canonical, services
from tokens.policies.errors import PolicyNotFound
from tokens.signin.models import SignIn

pytestmark = pytest.mark.django_db


def put(group: str, **settings: object) -> None:
    services.put(group, settings, principal=SOMEBODY)


def person(*groups: str) -> User:
    user = User.objects.create(username="ann@example.org", email="ann@example.org")
    for name in groups:
        user.groups.add(StaffGroup.objects.get_or_create(name=name)[0])
    return user


def group(name: str, priority: int = 100) -> None:
    Group.objects.create(name=name, priority=priority)


def test_the_first_of_her_groups_that_has_one_decides_whole() -> None:
    group("late", 200)
    group("first", 1)
    group("early", 50)
    user = person("late", "first", "early")
    put("late", model="late")
    put("*", model="all", env={"A": "b"})
    assert _of(user) == {"model": "late"}
    put("early", language="en")
    assert _of(user) == {"language": "en"}
    services.remove("early", principal=SOMEBODY)
    services.remove("late", principal=SOMEBODY)
    assert _of(user) == {"model": "all", "env": {"A": "b"}}
    services.remove("*", principal=SOMEBODY)
    assert services.of_user(user) is None


def test_an_empty_policy_is_one() -> None:
    put("*", model="all")
    group("bare")
    put("bare")
    assert _of(person("bare")) == {}


def test_a_role_is_no_group() -> None:
    StaffGroup.objects.create(name="role:auditor")
    put("*", model="all")
    assert _of(person("role:auditor")) == {"model": "all"}


def _of(user: User) -> object:
    policy = services.of_user(user)
    assert policy is not None
    assert policy.checksum == canonical.checksum(canonical.written(json.loads(policy.settings)))
    return services.settings_of(policy)


def test_the_bearer_of_a_sign_in_gets_its_persons_and_a_plain_token_none() -> None:
    put("*", cleanupPeriodDays=30.0, language="ü")
    now = int(time.time())
    sign_in = SignIn.objects.create(user=person(), started_at=now, ends_at=now + 60, refresh_sha256="0" * 64)
    times = {"issued_at": now, "expires_at": now + 60, "signed_until": now + 60}
    Token.objects.create(id="t1", ledger_id="person:1", sign_in=sign_in, **times)
    Token.objects.create(id="t2", ledger_id="t2", **times)
    served = services.served_to("t1")
    assert served is not None and served.group == "*"
    assert served.body == '{"cleanupPeriodDays":30,"language":"ü"}'
    assert served.checksum == canonical.checksum(served.body)
    assert services.served_to("t2") is None and services.served_to("nobody") is None
    sign_in.user = None
    sign_in.save()
    assert services.served_to("t1") is None


def test_a_change_is_counted() -> None:
    before = TokensRevision.objects.first()
    put("*", model="a")
    after = TokensRevision.objects.get()
    assert after.value == (before.value if before else 0) + 1
    assert services.get("*").revision == after.value


@pytest.mark.parametrize(
    "bad", [[], None, "x", {"env": {"A": 1}}, {"n": float("nan")}, {"__proto__": 1}, {"s": "\ud800"}]
)
def test_what_is_no_settings(bad: object) -> None:
    with pytest.raises(BadTokenField) as refused:
        services.put("*", bad, principal=SOMEBODY)
    assert refused.value.param.startswith("settings")


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ('{"a": 1,}', "line 1, column"),
        ('{"a": 1, "a": 2}', "a is given twice"),
        ("[]", "must be a JSON object"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_a_text_that_is_no_settings(raw: str, told: str) -> None:
    with pytest.raises(BadTokenField, match=told):
        services.checked_text(raw)


def test_there_must_be_such_a_group_and_such_a_policy() -> None:
    group("bare")
    for call in (
        lambda: put("nope"),
        lambda: services.get("nope"),
        lambda: services.remove("nope", principal=SOMEBODY),
    ):
        with pytest.raises(GroupNotFound):
            call()
    with pytest.raises(PolicyNotFound):
        services.get("bare")
    with pytest.raises(PolicyNotFound):
        services.remove("*", principal=SOMEBODY)
