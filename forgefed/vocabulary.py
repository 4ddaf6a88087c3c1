"""ActivityPub and ForgeFed documents as plain dictionaries. Pure: ids and texts come in, nothing is looked up.

Every function takes `base`, the public address without trailing slash; ids are made from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Document = dict[str, object]

MEDIA_TYPE = "application/activity+json"
CONTEXT: tuple[object, ...] = (
    "https://www.w3.org/ns/activitystreams",
    "https://forgefed.org/ns",
    {"fep": "https://w3id.org/fep/ef61#", "aliases": "fep:aliases"},
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What an actor says of itself. `name` is its word in addresses."""

    name: str
    kind: str
    display_name: str
    summary: str
    public_key_pem: str


@dataclass(frozen=True, slots=True)
class Statement:
    """An activity of one of our actors. `object` is an id or an embedded document."""

    slug: str
    kind: str
    actor: str  # the actor's name
    object: object
    to: tuple[str, ...] = ()


def actor_id(base: str, name: str) -> str:
    return f"{base}/actor/{name}"


def outbox_id(base: str, name: str) -> str:
    return f"{base}/outbox/{name}"


def followers_id(base: str, name: str) -> str:
    return f"{base}/actors/{name}/followers"


def activity_id(base: str, slug: str) -> str:
    return f"{base}/activities/{slug}"


def actor(base: str, profile: Profile) -> Document:
    """The actor's own document."""
    name, own_id = profile.name, actor_id(base, profile.name)
    return {
        "@context": list(CONTEXT),
        "id": own_id,
        "type": profile.kind,
        "preferredUsername": name,
        "name": profile.display_name,
        "summary": profile.summary,
        "inbox": f"{base}/inbox/{name}",
        "outbox": outbox_id(base, name),
        "followers": followers_id(base, name),
        "aliases": [f"urn:link-assistant:router:{name}", own_id],
        "publicKey": {
            "id": f"{own_id}#main-key",
            "owner": own_id,
            "publicKeyPem": profile.public_key_pem,
        },
    }


def collection(own_id: str, total: int, items: Sequence[object]) -> Document:
    """An ordered collection, newest first; `items` may be fewer than `total`."""
    return {
        "@context": list(CONTEXT),
        "id": own_id,
        "type": "OrderedCollection",
        "totalItems": total,
        "orderedItems": list(items),
    }


def activity(base: str, statement: Statement) -> Document:
    """A whole document of its own."""
    return {"@context": list(CONTEXT), **embedded_activity(base, statement)}


def embedded_activity(base: str, statement: Statement) -> Document:
    """The same inside a collection, whose context it shares."""
    return {
        "id": activity_id(base, statement.slug),
        "type": statement.kind,
        "actor": actor_id(base, statement.actor),
        "object": statement.object,
        "to": list(statement.to),
    }
