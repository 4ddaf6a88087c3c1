from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from forgefed.models import Activity, Actor, Follower

pytestmark = pytest.mark.django_db


def test_somebody_follows_an_actor_once():
    one, other = Actor.objects.create(name="one"), Actor.objects.create(name="other")
    one.followers.create(uri="https://f.example/x")
    other.followers.create(uri="https://f.example/x")
    with pytest.raises(IntegrityError), transaction.atomic():
        one.followers.create(uri="https://f.example/x")
    assert Follower.objects.count() == 2


def test_names_are_unique_and_everything_has_one():
    actor = Actor.objects.create(name="code")
    activity = Activity.objects.create(actor=actor, slug="a", kind="Follow", object="x")
    follower = actor.followers.create(uri="https://f.example/x")
    assert [str(row) for row in (actor, activity, follower)] == ["code", "Follow a", "https://f.example/x"]
    with pytest.raises(IntegrityError), transaction.atomic():
        Actor.objects.create(name="code")
    with pytest.raises(IntegrityError), transaction.atomic():
        Activity.objects.create(actor=actor, slug="a", kind="Offer", object="y")
