"""Follow others, stop it, and tell how it stands. Synchronous; what has to go out is a delivery."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from forgefed import deliveries, services
from forgefed.errors import BadAddress, Unknown
from forgefed.hosts import host_of
from forgefed.models import ID_LENGTH, Delivery, DeliveryState, Following, FollowState
from forgefed.reading import Document, id_of
from forgefed.vocabulary import activity_id, actor_id
from gateway.kernel import audit
from gateway.kernel.principal import Principal


def follow(uri: str, principal: Principal) -> Following:
    """Ask an actor whether we may follow it. Whom we follow already is asked again only after a no.

    Raises `BadAddress`.
    """
    host_of(uri)
    if len(uri) > ID_LENGTH or uri == services.own_id():
        raise BadAddress("nobody to follow")
    actor = services.service_actor()
    with transaction.atomic():
        row = Following.objects.select_for_update().filter(actor=actor, uri=uri).first()
        if row is not None and row.state != FollowState.REJECTED:
            return row
        said = deliveries.say("Follow", uri, uri, is_listed=True)
        audit.record(principal, "federation.follow", uri, None, {"activity": said.slug})
        if row is None:
            return Following.objects.create(actor=actor, uri=uri, activity=said)
        row.activity, row.state, row.answered_at = said, FollowState.PENDING, None
        row.save()
        return row


def unfollow(uri: str, principal: Principal) -> None:
    """Stop following: a Follow that is not sent yet never is, one that was sent is undone. Raises `Unknown`."""
    with transaction.atomic():
        row = Following.objects.select_related("activity").filter(uri=uri).first()
        if row is None:
            raise Unknown(uri)
        followed = row.activity
        audit.record(principal, "federation.unfollow", uri, {"state": row.state}, None)
        row.delete()
        waiting = Delivery.objects.filter(activity=followed, state=DeliveryState.WAITING, attempts=0)
        if waiting.filter(claimed_until__isnull=True).delete()[0]:
            followed.delete()
            return
        followed.is_listed = False
        followed.save(update_fields=["is_listed"])
        own = services.own_id()
        base = own.removesuffix(actor_id("", services.SERVICE_ACTOR))
        undone = {"id": activity_id(base, followed.slug), "type": "Follow", "actor": own, "object": uri}
        deliveries.say("Undo", undone, uri)


def answer(document: Document, signer: str, state: FollowState) -> bool:
    """Take the answer to a Follow of ours; only the one we asked can give it. Tell whether it was one."""
    about = id_of(document.get("object"))
    slug = about.rpartition("/")[2]
    if not services.is_our_host(about):
        return False
    row = Following.objects.filter(uri=signer, activity__slug=slug)
    return bool(row.update(state=state, answered_at=timezone.now()))
