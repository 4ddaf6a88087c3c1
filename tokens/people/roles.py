"""Give people roles: groups of Django's whose names begin with `role:`, one each. What each may is the gateway's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from django.contrib.auth.models import Group, User
from django.db.models import Q

from tokens.people.errors import LastAdmin

PREFIX = "role:"
"""Begins the names of Django's groups that are roles: sets of permissions, no groups of ours."""
ADMIN = "admin"
OF_STAFF = ("viewer", "operator", ADMIN)
NAMES = ("developer", *OF_STAFF)
"""The least first."""
BATCH = 500


def roles_of(users: Iterable[User]) -> Mapping[int, str]:
    """Map people to their highest roles; who has none is left out."""
    people = list(users)
    found: dict[int, str] = {}
    through = User.groups.through.objects.filter(group__name__startswith=PREFIX)
    for start in range(0, len(people), BATCH):
        rows = through.filter(user_id__in=[user.pk for user in people[start : start + BATCH]])
        for pk, group in rows.values_list("user_id", "group__name"):
            name = group.removeprefix(PREFIX)
            if name in NAMES and NAMES.index(name) >= NAMES.index(found.get(pk, NAMES[0])):
                found[pk] = name
    return {**found, **{user.pk: ADMIN for user in people if user.is_superuser}}


def role_of(user: User) -> str | None:
    """Return somebody's highest role."""
    return roles_of((user,)).get(user.pk)


def mark(user: User, role: str | None) -> None:
    """Set what a role says of a login's own fields; nothing is saved."""
    user.is_staff = role in OF_STAFF
    user.is_superuser = user.is_superuser and role == ADMIN


def groups_for(role: str | None) -> list[Group]:
    """Return the groups that make the role."""
    return [] if role is None else [Group.objects.get_or_create(name=PREFIX + role)[0]]


def of_claim(groups: Iterable[str], given: Iterable[str]) -> str | None:
    """Return the highest role that an issuer's groups give; `given`: `group=role`, as in OIDC_ROLES."""
    pairs = (each.rpartition("=") for each in given)
    held = set(groups)
    found = [role for group, _, role in pairs if group.strip() in held and role in NAMES]
    return max(found, key=NAMES.index, default=None)


@contextmanager
def an_admin_left() -> Iterator[None]:
    """Raise LastAdmin when what is done inside leaves no active admin where there was one. Inside a transaction."""
    had = has_admin()
    yield
    if had and not has_admin():
        raise LastAdmin


def has_admin() -> bool:
    """Tell whether anybody may still everything."""
    is_admin = Q(is_superuser=True) | Q(groups__name=PREFIX + ADMIN)
    return User.objects.filter(is_admin, is_active=True, is_staff=True).exists()
