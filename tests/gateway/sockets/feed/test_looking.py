"""Who may look: the same people at the door and while they look."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User

from gateway.sockets.feed.looking import lookers, may_look


@pytest.mark.django_db
def test_who_may_look() -> None:
    def somebody(role: str | None, **values: Any) -> Any:
        user = User.objects.create_user(f"u{User.objects.count()}", **values)
        user.groups.set(Group.objects.filter(name=f"role:{role}"))
        return User.objects.get(pk=user.pk)

    assert all(may_look(somebody(role, is_staff=True)) for role in ("viewer", "operator", "admin"))
    assert may_look(somebody(None, is_staff=True, is_superuser=True))
    assert not may_look(somebody(None, is_staff=True))
    assert not may_look(somebody("developer"))
    assert not may_look(somebody("viewer"))  # not of staff
    assert not may_look(AnonymousUser())
    assert set(lookers()) == {user for user in User.objects.all() if may_look(user)}
