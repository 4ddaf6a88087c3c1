"""Groups: one level, unique names, no deletion that would lift limits."""

from __future__ import annotations

import pytest

from tests.principals import SOMEBODY
from tokens import services
from tokens.errors import BadTokenField, GroupInUse, GroupNotFound
from tokens.groups import services as group_services
from tokens.models import Group, TokensRevision

pytestmark = pytest.mark.django_db


def test_create_and_change_are_counted() -> None:
    group = group_services.create(" team ", allowed_models=["a"], principal=SOMEBODY)
    assert (group.name, group.revision) == ("team", 1)
    group = group_services.change("team", name="crew", allowed_models=None, principal=SOMEBODY)
    assert (group.name, group.allowed_models, group.revision) == ("crew", [], 2)


@pytest.mark.parametrize("name", ["", "  ", 5, None, "x" * 256, "a\0"])
def test_bad_names(name: object) -> None:
    with pytest.raises(BadTokenField) as caught:
        group_services.create(name, principal=SOMEBODY)
    assert caught.value.param == "name"


def test_a_name_is_taken_once() -> None:
    group_services.create("a", principal=SOMEBODY)
    group_services.create("b", principal=SOMEBODY)
    with pytest.raises(BadTokenField, match="exists"):
        group_services.create("a", principal=SOMEBODY)
    with pytest.raises(BadTokenField, match="exists"):
        group_services.change("b", name="a", principal=SOMEBODY)
    assert Group.objects.count() == 2


def test_groups_nest_one_level() -> None:
    group_services.create("org", principal=SOMEBODY)
    group_services.create("team", parent="org", principal=SOMEBODY)
    group_services.create("other", principal=SOMEBODY)
    for name, parent in (("other", "team"), ("org", "other"), ("org", "org"), ("other", "nobody")):
        with pytest.raises(BadTokenField) as caught:
            group_services.change(name, parent=parent, principal=SOMEBODY)
        assert caught.value.param == "parent"
    with pytest.raises(BadTokenField):
        group_services.create("deep", parent="team", principal=SOMEBODY)
    assert group_services.change("team", parent=None, principal=SOMEBODY).parent is None


def test_only_an_empty_group_is_deleted() -> None:
    group_services.create("org", principal=SOMEBODY)
    group_services.create("team", parent="org", principal=SOMEBODY)
    token = services.issue(group="team", principal=SOMEBODY).token
    for name in ("org", "team"):
        with pytest.raises(GroupInUse):
            group_services.delete(name, principal=SOMEBODY)
    services.change(token.id, group=None, principal=SOMEBODY)
    group_services.delete("team", principal=SOMEBODY)
    group_services.delete("org", principal=SOMEBODY)
    with pytest.raises(GroupNotFound):
        group_services.delete("org", principal=SOMEBODY)
    counter = TokensRevision.objects.get()
    assert counter.reload_from == counter.value == 6


def test_a_budget_has_a_currency_and_a_period() -> None:
    group = group_services.create("a", budget="5", principal=SOMEBODY)
    assert (group.budget_currency, group.budget_period) == ("USD", "never")
    changed = group_services.change("a", budget="6", budget_period="week", principal=SOMEBODY)
    assert (str(changed.budget), changed.budget_currency, changed.budget_period) == (
        "6.0000000000",
        "USD",
        "week",
    )
    with pytest.raises(BadTokenField, match="must be the currency of the prices"):
        group_services.change("a", budget_currency="EUR", principal=SOMEBODY)


def test_all_groups_by_name() -> None:
    for name in ("b", "a"):
        group_services.create(name, principal=SOMEBODY)
    assert [group.name for group in group_services.find_all()] == ["a", "b"]
