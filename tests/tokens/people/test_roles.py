"""Roles of people: one each, told everywhere, and never without an admin."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from gateway.models import AuditRow
from tests.principals import SOMEBODY
from tokens.errors import BadTokenField
from tokens.models import Group as TokenGroup
from tokens.people import presenting, roles, services
from tokens.people.errors import LastAdmin

pytestmark = pytest.mark.django_db
P: dict[str, Any] = {"principal": SOMEBODY}
ANN = "ann@example.org"


def held(email: str = ANN) -> set[str]:
    return set(User.objects.get(username=email).groups.values_list("name", flat=True))


@pytest.mark.parametrize(
    ("role", "is_staff"), [("viewer", True), ("operator", True), ("admin", True), ("developer", False)]
)
def test_a_role_says_who_is_of_staff(role: str, is_staff: bool) -> None:
    person = services.add(ANN, role=role, **P)
    assert held() == {f"role:{role}"}
    shown = presenting.person(person)
    assert (shown["role"], shown["is_staff"], shown["groups"]) == (role, is_staff, [])
    assert [each["role"] for each in presenting.people(services.find_all())] == [role]


def test_another_role_takes_the_place_of_the_first_and_groups_stay() -> None:
    TokenGroup.objects.create(name="dev")
    services.add(ANN, role="viewer", groups=["dev"], **P)
    services.change(ANN, role="operator", **P)
    assert held() == {"role:operator", "dev"}
    services.change(ANN, groups=[], **P)
    assert held() == {"role:operator"}
    person = services.change(ANN, role=None, groups=["dev"], **P)
    assert held() == {"dev"} and not person.user.is_staff
    assert presenting.person(person)["role"] is None


def test_the_highest_counts_and_a_superuser_is_an_admin() -> None:
    user = services.add(ANN, role="viewer", **P).user
    user.groups.add(Group.objects.get(name="role:operator"), Group.objects.get(name="role:developer"))
    assert roles.role_of(user) == "operator"
    assert roles.role_of(User(pk=0, is_superuser=True)) == "admin"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"role": "root"}, "role"), ({"role": ""}, "role"), ({"role": 1}, "role"), ({"role": ["viewer"]}, "role"),
        ({"role": "viewer", "is_staff": False}, "is_staff"), ({"role": None, "is_staff": True}, "is_staff"),
        ({"groups": ["role:viewer"]}, "groups"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(given: dict[str, Any], field: str) -> None:
    services.add(ANN, **P)
    with pytest.raises(BadTokenField) as refused:
        services.change(ANN, **given, **P)
    assert refused.value.param == field


LOWER: tuple[dict[str, Any], ...] = (
    {"role": "operator"}, {"role": None}, {"active": False}, {"is_staff": False},
)  # fmt: skip


@pytest.mark.parametrize("is_superuser", [False, True])
@pytest.mark.parametrize("given", LOWER, ids=str)
def test_nobody_lowers_the_last_active_admin(given: dict[str, Any], is_superuser: bool) -> None:
    user = services.add(ANN, role="admin", **P).user
    if is_superuser:
        user.groups.clear()
        User.objects.filter(pk=user.pk).update(is_superuser=True)
    User.objects.create_user("old@example.org", is_staff=True, is_superuser=True, is_active=False)
    with pytest.raises(LastAdmin):
        services.change(ANN, **given, **P)
    assert User.objects.get(pk=user.pk).is_staff and not AuditRow.objects.filter(action="person.change")
    services.add("bob@example.org", role="admin", **P)
    services.change(ANN, **given, **P)
    if "role" in given:
        assert roles.role_of(User.objects.get(pk=user.pk)) == given["role"]


def test_nobody_removes_the_last_active_admin() -> None:
    services.add(ANN, role="admin", **P)
    with pytest.raises(LastAdmin):
        services.remove(ANN, **P)
    services.add("bob@example.org", role="admin", **P)
    services.remove(ANN, **P)
    services.add("eve@example.org", **P)
    services.remove("eve@example.org", **P)


def test_a_role_is_recorded_as_a_thing_of_its_own() -> None:
    services.add(ANN, role="viewer", **P)
    services.change(ANN, role="operator", name="Ann", **P)
    found = {row.action: (row.before, row.after) for row in AuditRow.objects.all()}
    assert found["person.create"][1]["role"] == "viewer"
    assert found["person.role"] == ({"role": "viewer"}, {"role": "operator"})
    assert found["person.change"] == ({"name": None}, {"name": "Ann"})


def ask(method: str, path: str, body: object) -> Any:
    return getattr(Client(headers={"Host": "localhost"}), method)(
        path, json.dumps(body), content_type="application/json"
    )


def test_over_the_api() -> None:
    made = ask("post", "/api/people", {"email": ANN, "role": "admin"})
    assert (made.status_code, made.json()["role"], made.json()["is_staff"]) == (200, "admin", True)
    refused = ask("patch", f"/api/people/{ANN}", {"role": None})
    assert refused.status_code == 409 and "last active admin" in refused.content.decode()
    assert ask("patch", f"/api/people/{ANN}", {"role": "chief"}).status_code == 400
    ask("post", "/api/people", {"email": "bob@example.org", "role": "admin"})
    assert ask("patch", f"/api/people/{ANN}", {"role": None}).json()["role"] is None


def test_a_role_is_no_group_of_tokens() -> None:
    names = [each["name"] for each in Client(headers={"Host": "localhost"}).get("/api/groups").json()["data"]]
    assert not any(name.startswith("role:") for name in names)
    for method, path, body in (
        ("post", "/api/groups", {"name": "role:viewer"}), ("get", "/api/groups/role:viewer", None),
        ("patch", "/api/groups/role:viewer", {"budget": "1"}), ("delete", "/api/groups/role:viewer", None),
    ):  # fmt: skip
        client = Client(headers={"Host": "localhost"})
        answer = client.get(path) if method == "get" else ask(method, path, body)
        assert answer.status_code == 400 and "name" in answer.json()["error"]["message"], (method, path)
