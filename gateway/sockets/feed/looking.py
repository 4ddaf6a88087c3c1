"""Who may look at finished calls: asked of one who comes, and of all who look while they do."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models import QuerySet

from gateway.access import sessions

NEEDED = "gateway.view_exchangerow"


def may_look(user: Any) -> bool:
    """Tell whether a login may look at finished calls."""
    return bool(user.is_staff and user.has_perm(NEEDED))


def lookers() -> QuerySet[User]:
    """Return the logins that may look: the same ones."""
    return sessions.holders(NEEDED)
