"""Take in verified activities: each counts once, and what it changes is written in one transaction. Synchronous."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from forgefed import changes, deliveries, following, hosts, offers, remote, services
from forgefed.errors import BadDocument, NotAllowed
from forgefed.models import ID_LENGTH, Follower, FollowState, OfferState, Received, RemoteActor
from forgefed.reading import Document, id_of, is_same_origin, required

REMEMBERED = timedelta(days=30)
KIND_LENGTH = 64
CLEANED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Arrival:
    """A verified activity."""

    document: Document
    activity_id: str
    kind: str
    actor: str

    @property
    def object_id(self) -> str:
        return id_of(self.document.get("object"))

    @property
    def context_id(self) -> str:
        """Return what its object belongs to: the ticket of a comment."""
        given = self.document.get("object")
        return id_of(given.get("context")) if isinstance(given, dict) else ""


def arrival(document: Document, signer: str) -> Arrival:
    """Return the activity as its signer's own. Raises `BadDocument`, `NotAllowed`."""
    activity_id, kind, actor = required(document)
    if len(activity_id) > ID_LENGTH or len(kind) > KIND_LENGTH:
        raise BadDocument("activity id or type is too long")
    if actor != signer:
        raise NotAllowed("the signer and the actor are not the same")
    if not is_same_origin(activity_id, actor):
        raise NotAllowed("the activity's id is on another server than its actor")
    return Arrival(document, activity_id, kind, actor)


def receive(came: Arrival) -> str:
    """Write down an activity and what it changes; return that in words. One that is known changes nothing."""
    try:
        with transaction.atomic():
            row = Received.objects.create(
                activity_id=came.activity_id,
                actor_uri=came.actor,
                kind=came.kind,
                object_id=came.object_id,
                context_id=came.context_id,
                body=came.document,
            )
            row.outcome = HANDLERS.get(came.kind, _nothing)(came)
            row.save(update_fields=["outcome"])
    except IntegrityError:
        if not Received.objects.filter(activity_id=came.activity_id, actor_uri=came.actor).exists():
            raise
        return "known already"
    hosts.note_there(hosts.host_of(came.actor))
    changes.incoming.announce()
    return row.outcome


def _nothing(came: Arrival) -> str:
    return "nothing to do"


def _follow(came: Arrival) -> str:
    if came.object_id != services.own_id():
        return "ignored: not about us"
    undone = Received.objects.filter(actor_uri=came.actor, kind="Undo", object_id=came.activity_id)
    if undone.exists():
        return "ignored: undone before"
    inbox = RemoteActor.objects.filter(uri=came.actor).values_list("inbox_uri", flat=True).first() or ""
    Follower.objects.update_or_create(
        actor=services.service_actor(),
        uri=came.actor,
        defaults={"inbox_uri": inbox, "follow_id": came.activity_id},
    )
    follow = {"id": came.activity_id, "type": "Follow", "actor": came.actor, "object": came.object_id}
    deliveries.say("Accept", follow, came.actor, inbox)
    return "follower added, Accept on its way"


def _undo(came: Arrival) -> str:
    """Undo a Follow of the same actor: by its id, or as it stands in the Undo."""
    undone = came.document.get("object")
    ours = services.own_id()
    is_follow = (
        isinstance(undone, dict) and undone.get("type") == "Follow" and id_of(undone.get("object")) == ours
    )
    if isinstance(undone, dict) and is_follow and id_of(undone.get("actor")) not in ("", came.actor):
        return "ignored: somebody else's Follow"
    if not is_follow:
        known = Received.objects.filter(actor_uri=came.actor, kind="Follow", activity_id=came.object_id)
        if not known.exists():
            return "ignored: no Follow of theirs"
    return "follower removed" if Follower.objects.filter(uri=came.actor).delete()[0] else "nobody followed"


def _delete(came: Arrival) -> str:
    if came.object_id != came.actor:
        return "ignored: not the actor itself"
    Follower.objects.filter(uri=came.actor).delete()
    RemoteActor.objects.filter(uri=came.actor).delete()
    return "the actor is gone, and no follower any more"


def _update(came: Arrival) -> str:
    if came.object_id == came.actor:
        remote.outdate(came.actor)
        return "the actor is fetched anew when it is next needed"
    return _news(came)


def _accept(came: Arrival) -> str:
    return _answer(came, FollowState.ACCEPTED, OfferState.ACCEPTED)


def _reject(came: Arrival) -> str:
    return _answer(came, FollowState.REJECTED, OfferState.REJECTED)


def _answer(came: Arrival, follow: FollowState, offer: OfferState) -> str:
    if following.answer(came.document, came.actor, follow):
        return f"our Follow is {follow.value}"
    if offers.answer(came.document, came.actor, offer):
        return f"our offer is {offer.value}"
    return _news(came)


def _news(came: Arrival) -> str:
    if offers.note_news((came.object_id, came.context_id), came.actor):
        return "news of our ticket"
    return "ignored: nothing of ours, or not theirs to say"


HANDLERS: dict[str, Callable[[Arrival], str]] = {
    "Follow": _follow,
    "Undo": _undo,
    "Delete": _delete,
    "Update": _update,
    "Accept": _accept,
    "Reject": _reject,
    "Create": _news,
    "Resolve": _news,
}


def forget_old() -> None:
    """Delete what came in so long ago that it can't be repeated: its signature is too old by far."""
    old = Received.objects.filter(received_at__lt=timezone.now() - REMEMBERED)
    Received.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:CLEANED_AT_ONCE])).delete()
