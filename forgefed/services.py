"""The documents of our actors, from their rows. Synchronous."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from forgefed import vocabulary
from forgefed.errors import UnknownDocument
from forgefed.models import Activity, Actor
from forgefed.vocabulary import Document, Profile, Statement

SERVICE_ACTOR = "code"
LISTED_MAX = 100  # how many items a collection's document holds; its total says how many there are

_PROBLEMSETS = "https://problemsets.lefine.pro/actor/code"


def service_actor() -> Actor:
    """The gateway's own actor, made on first use together with the follow that it is born with."""
    actor = Actor.objects.filter(name=SERVICE_ACTOR).first()
    return actor or _create_service_actor()


def _create_service_actor() -> Actor:
    with transaction.atomic():
        actor, _ = Actor.objects.get_or_create(
            name=SERVICE_ACTOR,
            defaults={
                "display_name": "Link Assistant Code Router",
                "summary": "ActivityPub and ForgeFed service actor for coding problem federation",
            },
        )
        Activity.objects.get_or_create(
            slug="follow-problemsets-code-001",
            defaults={
                "actor": actor,
                "kind": "Follow",
                "object": _PROBLEMSETS,
                "to": [_PROBLEMSETS],
                "is_listed": False,
            },
        )
    return actor


def actor_document() -> Document:
    actor = service_actor()
    profile = Profile(
        name=actor.name,
        kind=actor.kind,
        display_name=actor.display_name,
        summary=actor.summary,
        public_key_pem=actor.public_key_pem or settings.ACTIVITYPUB_PUBLIC_KEY_PEM,
    )
    return vocabulary.actor(settings.ACTOR_BASE_URL, profile)


def outbox_document() -> Document:
    base, actor = settings.ACTOR_BASE_URL, service_actor()
    listed = actor.activities.filter(is_listed=True)
    items = [
        vocabulary.embedded_activity(base, _statement(activity, actor.name))
        for activity in listed.order_by("-id")[:LISTED_MAX]
    ]
    return vocabulary.collection(vocabulary.outbox_id(base, actor.name), listed.count(), items)


def followers_document() -> Document:
    actor = service_actor()
    uris = actor.followers.order_by("-id").values_list("uri", flat=True)
    own_id = vocabulary.followers_id(settings.ACTOR_BASE_URL, actor.name)
    return vocabulary.collection(own_id, actor.followers.count(), list(uris[:LISTED_MAX]))


def activity_document(slug: str) -> Document:
    """Raises `UnknownDocument`."""
    actor = service_actor()
    activity = actor.activities.filter(slug=slug).first()
    if activity is None:
        raise UnknownDocument(slug)
    return vocabulary.activity(settings.ACTOR_BASE_URL, _statement(activity, actor.name))


def _statement(activity: Activity, actor: str) -> Statement:
    return Statement(activity.slug, activity.kind, actor, activity.object, tuple(activity.to))
