from __future__ import annotations

import pytest

from forgefed import services
from forgefed.errors import UnknownDocument
from forgefed.models import Activity, Actor

pytestmark = pytest.mark.django_db


def test_the_service_actor_is_made_once_with_its_first_follow():
    assert services.service_actor() == services.service_actor()
    assert Actor.objects.get().name == "code"
    assert Activity.objects.get().is_listed is False


def test_an_unknown_activity_is_named():
    with pytest.raises(UnknownDocument, match="nothing-of-ours"):
        services.activity_document("nothing-of-ours")


def test_a_long_collection_is_cut_and_says_how_many_there_are():
    actor = services.service_actor()
    for number in range(services.LISTED_MAX + 5):
        actor.activities.create(slug=f"n-{number}", kind="Create", object="x")
    document = services.outbox_document()
    assert document["totalItems"] == services.LISTED_MAX + 5
    assert len(document["orderedItems"]) == services.LISTED_MAX  # type: ignore[arg-type]
