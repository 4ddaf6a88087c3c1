"""Browsers of people with a role."""

from __future__ import annotations

from django.contrib.auth.models import Group, User
from django.test import Client


def browser(role: str | None = "admin", is_staff: bool = True) -> Client:
    """A browser of somebody with this role; None: staff without one."""
    user = User.objects.create_user(f"{role}-{User.objects.count()}@example.org", is_staff=is_staff)
    if role is not None:
        user.groups.add(Group.objects.get(name=f"role:{role}"))
    client = Client()
    client.force_login(user)
    return client
