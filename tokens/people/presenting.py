"""Present people as JSON. Never a password, never a secret."""

from __future__ import annotations

import time
from collections.abc import Sequence

from django.contrib.auth.models import User

from tokens import presenting, records
from tokens.limits import usage
from tokens.models import Group
from tokens.people import roles, standing
from tokens.people.models import Person
from tokens.records import Limits
from tokens.signin.models import SignIn
from tokens.totp import services as totp


def people(rows: Sequence[Person]) -> list[dict[str, object]]:
    """Return many people, whose groups are asked for together."""
    groups = standing.memberships(row.user.pk for row in rows)
    roles_by_id = roles.roles_of(row.user for row in rows)
    return [_told(row, groups.get(row.user.pk, ()), roles_by_id.get(row.user.pk)) for row in rows]


def person(row: Person) -> dict[str, object]:
    """Return a person with her own limits."""
    return _told(row, standing.groups_of(row.user), roles.role_of(row.user))


def _told(row: Person, groups: Sequence[Group], role: str | None) -> dict[str, object]:
    user = row.user
    return {
        "email": standing.address_of(user),
        "name": user.get_full_name(),
        "active": user.is_active,
        "is_staff": user.is_staff,
        "role": role,
        "groups": [group.name for group in groups],
        "source": row.source,
        **presenting.limits(row),
    }


def shown(row: Person) -> dict[str, object]:
    """Return a person with what she has spent of her cap, and where she is signed in."""
    groups = standing.groups_of(row.user)
    return {
        **_told(row, groups, roles.role_of(row.user)),
        "usage": {"budget": _spent(row, groups)},
        "sign_ins": [sign_in(each) for each in alive(row.user)],
        "totp": totp.is_on(row.user),
    }


def spent(row: Person) -> dict[str, object] | None:
    """Return what is spent of a person's cap; None without one."""
    return _spent(row, standing.groups_of(row.user))


def _spent(row: Person, groups: Sequence[Group]) -> dict[str, object] | None:
    cap = cap_of(row, groups)
    found = usage.of_limits(cap)["budget"] if cap.budget is not None else None
    if not isinstance(found, dict):
        return None
    return {name: found[name] for name in ("spent", "remaining", "resets_at")}


def cap_of(row: Person, groups: Sequence[Group]) -> Limits:
    """Return the limits of a person as the ledger counts them, her first group's budget for members among them."""
    holding = Person(user=row.user, **standing.limits(row, groups[0] if groups else None))
    return records.limits_of(holding, standing.ledger_of(row.user.pk))


def alive(user: User) -> list[SignIn]:
    """Return the sign-ins that may still be refreshed, newest first."""
    return list(SignIn.objects.filter(user=user, revoked_at=None, ends_at__gt=time.time()))


def sign_in(row: SignIn) -> dict[str, object]:
    """Return a sign-in. Times are Unix seconds."""
    return {
        "id": str(row.id),
        "surface": row.surface,
        "client": row.client,
        "started_at": row.started_at,
        "last_used_at": row.last_used_at,
        "expires_at": row.ends_at,
    }
