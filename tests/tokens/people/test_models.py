"""Rows of people: one for each login, each known once at an issuer; the migration that made the first ones."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Group as StaffGroup
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from tokens.models import Group
from tokens.people.models import Person

pytestmark = pytest.mark.django_db


def person(name: str, **values: object) -> Person:
    found, _ = Person.objects.update_or_create(user=User.objects.create_user(name), defaults=values)
    return found


def test_a_subject_is_one_person() -> None:
    person("ann", issuer="https://id.example", subject="1")
    person("bob", issuer="https://id.example", subject="2")
    person("eve", issuer="https://other.example", subject="1")
    with pytest.raises(IntegrityError), transaction.atomic():
        person("ann2", issuer="https://id.example", subject="1")


def test_people_made_here_have_no_subject() -> None:
    assert {person(name).subject for name in ("ann", "bob")} == {None}


def test_the_migration_mirrors_what_there_was() -> None:
    user = User.objects.create_user("ann")
    Person.objects.all().delete()
    Group.objects.bulk_create([Group(name="ours"), Group(name="both"), Group(name="x" * 151)])
    StaffGroup.objects.all().delete()
    StaffGroup.objects.bulk_create([StaffGroup(name=name) for name in ("theirs", "both", "role:tester")])
    Group.objects.filter(name__in=("theirs", "role:tester")).delete()
    import_module("tokens.migrations.0004_mirror").mirror(apps, None)
    assert Person.objects.get().user == user
    assert set(StaffGroup.objects.values_list("name", flat=True)) == {"ours", "both", "theirs", "role:tester"}
    assert set(Group.objects.values_list("name", flat=True)) == {"ours", "both", "theirs", "x" * 151}
