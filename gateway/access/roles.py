"""Roles: groups of Django's whose names begin with `role:`. Their permissions say who may what, on every way in.

Beside permissions a role says two things that no permission does: that its holder may revoke tokens, and that what
nobody else may is open to her.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from tokens.people.roles import PREFIX


class Role(StrEnum):
    """Sorts of people who use the control plane, the least first."""

    DEVELOPER = "developer"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


RANKS = {role: rank for rank, role in enumerate(Role)}


def role_of(user: Any) -> Role | None:
    """Return somebody's highest role. Staff without one have none; everybody else who is logged in is a developer."""
    if not user.is_authenticated or not user.is_active:
        return None
    if user.is_superuser:
        return Role.ADMIN
    if user.pk is None:
        return None
    names = user.groups.filter(name__startswith=PREFIX).values_list("name", flat=True)
    known = [Role(word) for name in names if (word := name.removeprefix(PREFIX)) in RANKS]
    if known:
        return max(known, key=RANKS.__getitem__)
    return None if user.is_staff else Role.DEVELOPER


def is_at_least(user: Any, least: Role) -> bool:
    """Tell whether somebody has this role, or a higher one. A role of staff counts for staff alone."""
    role = role_of(user)
    if role is None or RANKS[role] < RANKS[least]:
        return False
    return user.is_staff or least is Role.DEVELOPER or bool(user.is_superuser)
