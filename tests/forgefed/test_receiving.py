"""What verified activities change: followers, answers to us, news; each once, and only what is the sender's to say."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from forgefed import following, offers, receiving
from forgefed.errors import BadDocument, NotAllowed
from forgefed.models import Activity, Delivery, Follower, Following, Offer, Received, RemoteActor, RemoteKey
from gateway.kernel.principal import GATEWAY
from tests.forgefed.peers import OURS
from tests.forgefed.recorded import BASE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("federation")]

ALICE, BOB = "https://a.example/u/alice", "https://b.example/u/bob"
TRACKER, TICKET = "https://t.example/tracker", "https://t.example/tickets/1"
_numbers = iter(range(10_000))


@pytest.fixture(autouse=True)
def _known() -> None:
    for uri in (ALICE, BOB, TRACKER):
        RemoteActor.objects.create(uri=uri, inbox_uri=f"{uri}/inbox", fetched_at=timezone.now())


def came(kind: str, obj: object, actor: str = ALICE, own_id: str = "", **more: object) -> str:
    own_id = own_id or f"{actor}/activities/{next(_numbers)}"
    document = {"id": own_id, "type": kind, "actor": actor, "object": obj, **more}
    return receiving.receive(receiving.arrival(document, actor))


def followers() -> set[str]:
    return set(Follower.objects.values_list("uri", flat=True))


def accepted() -> list[str]:
    return [str(one.object["id"]) for one in Activity.objects.filter(kind="Accept").order_by("id")]


def test_each_follow_has_its_accept_and_a_follower_is_one():
    for number in (1, 2):
        came("Follow", OURS, own_id=f"{ALICE}/f/{number}")
    came("Follow", {"id": OURS, "type": "Service"}, own_id=f"{ALICE}/f/3")
    assert followers() == {ALICE}
    assert accepted() == [f"{ALICE}/f/1", f"{ALICE}/f/2", f"{ALICE}/f/3"]
    assert Delivery.objects.filter(recipient=ALICE, inbox_uri=f"{ALICE}/inbox").count() == 3
    assert not Activity.objects.filter(kind="Accept", is_listed=True).exists()


def test_a_follow_of_somebody_else_is_none_of_ours():
    assert "not about us" in came("Follow", "https://other.example/actor")
    assert not followers() and not accepted()


def test_the_same_activity_again_changes_nothing():
    assert came("Follow", OURS, own_id=f"{ALICE}/f/1") != "known already"
    assert came("Follow", OURS, own_id=f"{ALICE}/f/1") == "known already"
    assert len(accepted()) == 1


def test_a_follow_replayed_after_its_undo_stays_undone():
    follow = {"id": f"{ALICE}/f/1", "type": "Follow", "actor": ALICE, "object": OURS}
    came("Follow", OURS, own_id=follow["id"])
    assert came("Undo", follow) == "follower removed"
    assert came("Follow", OURS, own_id=follow["id"]) == "known already"
    assert followers() == set()


def test_an_undo_that_comes_first_counts_for_its_follow():
    came("Undo", f"{ALICE}/f/1")
    assert "undone before" in came("Follow", OURS, own_id=f"{ALICE}/f/1")
    assert followers() == set()


def test_an_undo_by_id_and_one_without_an_id():
    came("Follow", OURS, own_id=f"{ALICE}/f/1")
    assert came("Undo", f"{ALICE}/f/1") == "follower removed"
    came("Follow", OURS, own_id=f"{ALICE}/f/2")
    assert came("Undo", {"type": "Follow", "actor": ALICE, "object": OURS}) == "follower removed"


@pytest.mark.parametrize(
    "undone",
    [
        f"{ALICE}/f/1",
        {"id": f"{ALICE}/f/1", "type": "Follow", "actor": ALICE, "object": OURS},
        {"id": f"{ALICE}/f/1", "type": "Like", "object": OURS},
        "https://nowhere.example/f",
        None,
        7,
    ],
)
def test_an_undo_counts_from_the_follows_actor_alone(undone: object):
    came("Follow", OURS, own_id=f"{ALICE}/f/1")
    came("Follow", OURS, actor=BOB)
    came("Undo", undone, actor=BOB)
    assert ALICE in followers()


def test_a_delete_of_the_actor_itself_drops_the_follower():
    came("Follow", OURS)
    came("Follow", OURS, actor=BOB)
    came("Delete", f"{ALICE}/notes/1")
    came("Delete", ALICE, actor=BOB)
    assert followers() == {ALICE, BOB}
    came("Delete", {"id": ALICE, "type": "Tombstone"})
    assert followers() == {BOB}


def test_an_update_of_the_actor_has_its_keys_fetched_anew():
    RemoteKey.objects.create(key_id=f"{ALICE}#k", owner=ALICE, public="x", fetched_at=timezone.now())
    came("Update", {"id": ALICE, "type": "Person"}, actor=BOB)
    assert RemoteKey.objects.get().fetched_at > timezone.now() - timedelta(hours=1)
    came("Update", {"id": ALICE, "type": "Person"})
    assert RemoteKey.objects.get().fetched_at < timezone.now() - timedelta(hours=23)


@pytest.mark.parametrize(("kind", "state"), [("Accept", "accepted"), ("Reject", "rejected")])
@pytest.mark.parametrize("is_embedded", [True, False])
def test_the_answer_to_our_follow_counts_from_the_one_we_asked(kind: str, state: str, is_embedded: bool):
    slug = following.follow(ALICE, GATEWAY).activity.slug
    own_id = f"{BASE}/activities/{slug}"
    about = {"id": own_id, "type": "Follow"} if is_embedded else own_id
    came(kind, about, actor=BOB)
    came(kind, f"https://evil.example/activities/{slug}")
    assert Following.objects.get().state == "pending"
    came(kind, about)
    assert Following.objects.get().state == state


def offered(tracker: str = TRACKER) -> str:
    own_id = f"{BASE}/activities/offer-{next(_numbers)}"
    offers.begin(own_id, tracker, f"{TRACKER}/inbox")
    return own_id


@pytest.mark.parametrize("tracker", [TRACKER, ""])
def test_the_answer_to_an_offer_counts_from_the_tracker_alone_and_once(tracker: str):
    own_id = offered(tracker)
    for kind in ("Accept", "Reject"):
        came(kind, own_id, actor=ALICE, result="https://a.example/fake")
    assert Offer.objects.get().state == "waiting"
    came("Accept", own_id, actor=TRACKER, result=TICKET)
    came("Reject", own_id, actor=TRACKER)
    row = Offer.objects.get()
    assert (row.state, row.ticket, row.answer["result"]) == ("accepted", TICKET, TICKET)


def test_news_of_a_ticket_count_from_the_tracker_alone():
    own_id = offered()
    came("Accept", own_id, actor=TRACKER, result={"id": TICKET})
    note = {"id": f"{TICKET}/n/1", "type": "Note", "context": TICKET, "content": "done"}
    came("Create", note, actor=ALICE)
    came("Resolve", TICKET, actor=ALICE)
    came("Resolve", "https://t.example/tickets/2", actor=TRACKER)
    assert Offer.objects.get().news == 0
    came("Create", note, actor=TRACKER)
    came("Resolve", TICKET, actor=TRACKER)
    came("Update", {"id": TICKET, "type": "Ticket"}, actor=TRACKER)
    came("Accept", {"type": "Resolve", "id": "x", "object": TICKET, "context": TICKET}, actor=TRACKER)
    assert Offer.objects.get().news == 4
    assert offers.notes(TICKET, [TRACKER]) == [note]


@pytest.mark.parametrize("kind", ["Like", "Announce", "Frobnicate"])
def test_other_types_are_kept_and_change_nothing(kind: str):
    assert came(kind, OURS) == "nothing to do"
    assert Received.objects.get().kind == kind


def test_an_activity_is_its_signers_own_and_on_its_server():
    document = {"id": f"{ALICE}/1", "type": "Like", "actor": ALICE}
    with pytest.raises(NotAllowed):
        receiving.arrival(document, BOB)
    for foreign in ("https://a.example:8443/1", "http://a.example/1", "https://b.example/1", "urn:x"):
        with pytest.raises(NotAllowed):
            receiving.arrival({**document, "id": foreign}, ALICE)
    with pytest.raises(BadDocument):
        receiving.arrival({**document, "id": "https://a.example/" + "x" * 500}, ALICE)


def test_what_came_long_ago_is_forgotten():
    came("Like", OURS)
    came("Like", OURS)
    Received.objects.filter(pk=Received.objects.first().pk).update(  # type: ignore[union-attr]
        received_at=timezone.now() - timedelta(days=31)
    )
    receiving.forget_old()
    assert Received.objects.count() == 1
