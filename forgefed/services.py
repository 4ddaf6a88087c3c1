"""Build the documents of our actors from their rows. Synchronous."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Model, QuerySet

from forgefed import keys, vocabulary
from forgefed.errors import BadAddress, UnknownDocument
from forgefed.hosts import host_of
from forgefed.models import Activity, Actor, Follower
from forgefed.vocabulary import Document, Profile, Statement

SERVICE_ACTOR = "code"
NOT_SHOWN = frozenset(("Offer",))
"""Activities that carry what a person wrote to us: nobody may fetch them."""

_PROBLEMSETS = "https://problemsets.lefine.pro/actor/code"


def service_actor() -> Actor:
    """Return the gateway's own actor, made on first use together with its first follow."""
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


def own_id() -> str:
    """Return our actor's id."""
    return vocabulary.actor_id(settings.ACTOR_BASE_URL, SERVICE_ACTOR)


def own_keys() -> keys.OwnKeys:
    """Return our actor's keys, made at the first call."""
    return keys.own_keys(service_actor())


def actor_document() -> Document:
    actor = service_actor()
    own = keys.own_keys(actor)
    profile = Profile(
        name=actor.name,
        kind=actor.kind,
        display_name=actor.display_name,
        summary=actor.summary,
        public_key_pem=own.main_pem,
        multibase=own.multibase,
    )
    return vocabulary.actor(settings.ACTOR_BASE_URL, profile)


def outbox_document(page: int | None = None) -> Document:
    base, actor = settings.ACTOR_BASE_URL, service_actor()

    def item(activity: Activity) -> Document:
        return vocabulary.embedded_activity(base, statement(activity, actor.name))

    listed = actor.activities.filter(is_listed=True).exclude(kind__in=NOT_SHOWN)
    return _paged(vocabulary.outbox_id(base, actor.name), listed.order_by("-id"), item, page)


def followers_document(page: int | None = None) -> Document:
    def item(follower: Follower) -> str:
        return follower.uri

    actor = service_actor()
    own = vocabulary.followers_id(settings.ACTOR_BASE_URL, actor.name)
    return _paged(own, actor.followers.order_by("-id"), item, page)


def _paged(collection: str, rows: QuerySet[Model], item: Callable[..., object], page: int | None) -> Document:
    """Return a collection, or one of its pages. Raises `UnknownDocument` for a page that is not there."""
    size = settings.GATEWAY.FORGEFED_PAGE_SIZE
    total = rows.count()
    pages = -(-total // size)
    if page is None or not total:
        return vocabulary.collection(collection, total, pages)
    if not 1 <= page <= pages:
        raise UnknownDocument(f"page {page}")
    items = [item(row) for row in rows[(page - 1) * size : page * size]]
    return vocabulary.page(collection, page, pages, items)


def activity_document(slug: str) -> Document:
    """Return the document of one activity. Raises `UnknownDocument`."""
    actor = service_actor()
    activity = actor.activities.filter(slug=slug).exclude(kind__in=NOT_SHOWN).first()
    if activity is None:
        raise UnknownDocument(slug)
    return vocabulary.activity(settings.ACTOR_BASE_URL, statement(activity, actor.name))


def statement(activity: Activity, actor: str) -> Statement:
    return Statement(activity.slug, activity.kind, actor, activity.object, tuple(activity.to))


def webfinger_document(resource: str) -> Document:
    """Tell who a resource is: `acct:code@host`, or the actor's own address. Raises `UnknownDocument`."""
    try:
        host = host_of(settings.ACTOR_BASE_URL)
    except BadAddress as exc:  # port 0 and no public address: nobody can be found there
        raise UnknownDocument(resource) from exc
    account = resource.removeprefix("acct:").lower()
    if account != f"{SERVICE_ACTOR}@{host}" and resource != own_id():
        raise UnknownDocument(resource)
    return vocabulary.webfinger(settings.ACTOR_BASE_URL, host, SERVICE_ACTOR)


def is_our_host(uri: str) -> bool:
    """Tell whether an address lies at our public address."""
    own, other = urlsplit(settings.ACTOR_BASE_URL), urlsplit(uri)
    return (own.scheme, own.netloc.lower()) == (other.scheme, other.netloc.lower())
