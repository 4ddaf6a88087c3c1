"""Tickets that we have offered, and the answers of their trackers. Synchronous.

An answer counts only from the tracker itself: what strangers say about a ticket of ours changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from forgefed.models import Offer, OfferState, Received, RemoteActor
from forgefed.reading import Document, id_of

KEPT = timedelta(days=7)
"""A late answer finds its offer, and is dropped in order."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an offer stands."""

    state: str
    answer: Mapping[str, object] | None
    news: int


def begin(activity_id: str, tracker: str, inbox_uri: str) -> None:
    """Write down an offer before it is sent: its answer may be here sooner than the answer to the sending.

    `tracker`: the only actor whose answer counts; empty: the one whose inbox it went to.
    """
    Offer.objects.create(activity_id=activity_id, tracker=tracker, inbox_uri=inbox_uri)


def note_ticket(activity_id: str, ticket: str) -> None:
    """Write down which ticket an offer has become, so that news of it are told."""
    Offer.objects.filter(activity_id=activity_id).update(ticket=ticket)


def standings(activity_ids: Iterable[str]) -> dict[str, Standing]:
    """Return how these offers stand."""
    rows = Offer.objects.filter(activity_id__in=list(activity_ids))
    return {row.activity_id: Standing(row.state, row.answer, row.news) for row in rows}


def answer(document: Document, signer: str, state: OfferState) -> bool:
    """Take the answer to an offer. Tell whether it was one that counts; the first one does."""
    offer = Offer.objects.filter(activity_id=id_of(document.get("object"))).first()
    if offer is None or not is_tracker(offer, signer):
        return False
    fresh = Offer.objects.filter(pk=offer.pk, state=OfferState.WAITING)
    return bool(fresh.update(state=state, answer=dict(document), ticket=id_of(document.get("result"))))


def note_news(about: Iterable[str], signer: str) -> bool:
    """Note that a tracker has said something about one of its tickets. Tell whether it is one of ours."""
    offers = Offer.objects.filter(ticket__in=[one for one in about if one])
    ours = [offer.pk for offer in offers if is_tracker(offer, signer)]
    return bool(ours and Offer.objects.filter(pk__in=ours).update(news=F("news") + 1))


def is_tracker(offer: Offer, signer: str) -> bool:
    """Tell whether the signer may answer an offer."""
    if offer.tracker:
        return signer == offer.tracker
    return RemoteActor.objects.filter(uri=signer, inbox_uri=offer.inbox_uri).exists()


def notes(ticket: str, authors: Iterable[str]) -> list[Document]:
    """Return the notes on a ticket that were sent to us by these actors, newest first."""
    rows = Received.objects.filter(context_id=ticket, kind="Create", actor_uri__in=list(authors))
    found = (row.body.get("object") for row in rows.order_by("-id")[:100])
    return [one for one in found if isinstance(one, dict)]


def forget_old() -> None:
    Offer.objects.filter(made_at__lt=timezone.now() - KEPT).delete()
