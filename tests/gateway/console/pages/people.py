"""Browsers of people with a role."""

from __future__ import annotations

from django.contrib.auth.models import Group, User
from django.test import Client

from accounts.pool import live as accounts
from accounts.pool.pool import Pool
from gateway.kernel.parts import PARTS
from providers.catalog import live as providers
from providers.catalog.catalog import Catalog
from providers.catalog.store import boot_from_settings


def browser(role: str | None = "admin", is_staff: bool = True) -> Client:
    """A browser of somebody with this role; None: staff without one."""
    user = User.objects.create_user(f"{role}-{User.objects.count()}@example.org", is_staff=is_staff)
    if role is not None:
        user.groups.add(Group.objects.get(name=f"role:{role}"))
    client = Client()
    client.force_login(user)
    return client


def serve() -> None:
    """Let this process serve: pages look at its pool and its catalog then, and read no rows for that."""
    pool = Pool()
    pool.load()
    PARTS.put(accounts.POOL, pool)
    catalog = Catalog(boot_from_settings(), pool.has_credentials)
    catalog.load()
    PARTS.put(providers.CATALOG, catalog)
