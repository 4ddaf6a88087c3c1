"""Rows as people see them, and that the migrations say what the models say."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from providers.models import ModelMap, Provider, ProvidersRevision, Route


def test_how_rows_are_called() -> None:
    rows = (
        Provider(name="p"),
        Route(model="m"),
        ModelMap(pattern="a", target="b"),
        ProvidersRevision(value=3),
    )
    assert [str(row) for row in rows] == ["p", "m", "a → b", "3"]


@pytest.mark.django_db
def test_the_migrations_are_complete() -> None:
    call_command("makemigrations", "providers", check=True, dry_run=True, verbosity=0)
