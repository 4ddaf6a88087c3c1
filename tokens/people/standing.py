"""Work out what holds for a person: her groups in order, and the limits of her sign-ins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User

from tokens.models import LIMIT_FIELDS, BudgetPeriod, Group
from tokens.people.models import Person

BATCH = 500
OF_PEOPLE = "person:"
"""Begins the names of people's ledgers."""
Memberships = Mapping[int, Sequence[Group]]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the token of a sign-in says of its person: `limits` are fields of the row."""

    label: str
    group: Group | None
    limits: dict[str, object]

    def values(self) -> dict[str, object]:
        """Return it as fields of a token's row."""
        return {"label": self.label, "group": self.group, **self.limits}


def ledger_of(user_id: int) -> str:
    """Return the ledger's name for what all sign-ins of a person spend."""
    return f"{OF_PEOPLE}{user_id}"


def address_of(user: User) -> str:
    """Return a person's address; the name of a login that has none."""
    return user.email or user.get_username()


def person_of(user: User) -> Person:
    """Return a person's row; one without limits for who has none yet."""
    try:
        return user.person
    except Person.DoesNotExist:
        return Person(user=user)


def groups_of(user: User) -> list[Group]:
    """Return a person's groups, the first one first."""
    return list(memberships((user.pk,)).get(user.pk, ()))


def memberships(user_ids: Iterable[int]) -> Memberships:
    """Map people to their groups, by priority and then by name. Roles are no groups of ours."""
    ids = list(user_ids)
    pairs: list[tuple[int, str]] = []
    for start in range(0, len(ids), BATCH):
        through = User.groups.through.objects.filter(user_id__in=ids[start : start + BATCH])
        pairs += through.values_list("user_id", "group__name")
    names = {name for _, name in pairs}
    rows = Group.objects.select_related("parent") if names else ()
    known = {group.name: group for group in rows}
    found: dict[int, list[Group]] = {}
    for user_id, name in pairs:
        if name in known:
            found.setdefault(user_id, []).append(known[name])
    return {user_id: sorted(groups, key=order) for user_id, groups in found.items()}


def order(group: Group) -> tuple[int, str]:
    """Return the key by which a person's groups are sorted."""
    return group.priority, group.name


def standing(person: Person, groups: Sequence[Group]) -> Standing:
    """Return what holds for all sign-ins of a person whose groups are sorted."""
    first = groups[0] if groups else None
    return Standing(address_of(person.user), first, limits(person, first))


def limits(person: Person, first: Group | None) -> dict[str, object]:
    """Return a person's limits: her own budget, else what her first group gives each member."""
    found = {name: getattr(person, name) for name in LIMIT_FIELDS}
    if person.budget is None and first is not None and first.member_budget is not None:
        found["budget"] = first.member_budget
        found["budget_currency"] = first.budget_currency
        found["budget_period"] = first.member_budget_period or BudgetPeriod.NEVER.value
    return found
