from __future__ import annotations

import pytest
from django.utils import timezone

from forgefed import following, services
from forgefed.errors import BadAddress, Unknown
from forgefed.models import Activity, Delivery, Following, FollowState
from gateway.kernel.principal import GATEWAY
from tests.forgefed.peers import OURS
from tests.forgefed.recorded import BASE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("federation")]

URI = "https://problems.example/actor/code"


def test_a_follow_is_pending_listed_and_on_its_way():
    row = following.follow(URI, GATEWAY)
    assert (row.state, row.activity.kind, row.activity.is_listed) == ("pending", "Follow", True)
    delivery = Delivery.objects.get()
    assert (delivery.recipient, delivery.inbox_uri, delivery.host) == (URI, "", "problems.example")
    assert services.outbox_document()["totalItems"] == 1


def test_it_is_asked_again_only_after_a_no():
    first = following.follow(URI, GATEWAY).activity
    assert following.follow(URI, GATEWAY).activity == first
    Following.objects.update(state=FollowState.ACCEPTED)
    assert following.follow(URI, GATEWAY).activity == first
    Following.objects.update(state=FollowState.REJECTED)
    again = following.follow(URI, GATEWAY)
    assert (again.state, again.activity != first, Following.objects.count()) == ("pending", True, 1)


@pytest.mark.parametrize(
    "uri", ["", "nonsense", "ftp://x.example/", "https://u@x.example/", OURS, "https://x/" + "y" * 600]
)
def test_nobody_is_followed_at_no_address(uri: str):
    with pytest.raises(BadAddress):
        following.follow(uri, GATEWAY)
    assert not Delivery.objects.exists()


def test_a_follow_that_was_not_sent_yet_never_is():
    following.follow(URI, GATEWAY)
    following.unfollow(URI, GATEWAY)
    assert not Following.objects.exists() and not Delivery.objects.exists()
    assert not Activity.objects.filter(kind__in=("Undo", "Follow"), is_listed=True).exists()


@pytest.mark.parametrize(
    "change", [{"state": "delivered"}, {"attempts": 1}, {"claimed_until": timezone.now()}]
)
def test_one_that_may_have_been_sent_is_undone(change: dict):
    slug = following.follow(URI, GATEWAY).activity.slug
    Delivery.objects.update(**change)
    following.unfollow(URI, GATEWAY)
    undo = Activity.objects.get(kind="Undo")
    assert undo.object == {"id": f"{BASE}/activities/{slug}", "type": "Follow", "actor": OURS, "object": URI}
    assert services.outbox_document()["totalItems"] == 0
    with pytest.raises(Unknown):
        following.unfollow(URI, GATEWAY)
