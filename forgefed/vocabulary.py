"""Build ActivityPub and ForgeFed documents as plain dictionaries. Pure: nothing is looked up.

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
KEY_CONTEXTS = (
    "https://w3id.org/security/v1",
    "https://www.w3.org/ns/did/v1",
    "https://w3id.org/security/multikey/v1",
)
"""Without the first others read no `publicKey`, without the second no `assertionMethod`."""
PLAIN_CONTEXT = "https://www.w3.org/ns/activitystreams"
"""All that our deliveries use: a reader needs no other context for them."""
NODEINFO_SCHEMA = "http://nodeinfo.diaspora.software/ns/schema/2.1"


@dataclass(frozen=True, slots=True)
class Profile:
    """Profile of an actor. `name` is its word in addresses."""

    name: str
    kind: str
    display_name: str
    summary: str
    public_key_pem: str
    multibase: str


@dataclass(frozen=True, slots=True)
class Statement:
    """Activity of one of our actors. `object` is an id or an embedded document."""

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


def inbox_id(base: str, name: str) -> str:
    return f"{base}/inbox/{name}"


def activity_id(base: str, slug: str) -> str:
    return f"{base}/activities/{slug}"


def actor(base: str, profile: Profile) -> Document:
    """Build the actor's own document."""
    name, own_id = profile.name, actor_id(base, profile.name)
    return {
        "@context": [*CONTEXT[:2], *KEY_CONTEXTS, *CONTEXT[2:]],
        "id": own_id,
        "type": profile.kind,
        "preferredUsername": name,
        "name": profile.display_name,
        "summary": profile.summary,
        "inbox": inbox_id(base, name),
        "outbox": outbox_id(base, name),
        "followers": followers_id(base, name),
        "aliases": [f"urn:link-assistant:router:{name}", own_id],
        "publicKey": {
            "id": f"{own_id}#main-key",
            "owner": own_id,
            "publicKeyPem": profile.public_key_pem,
        },
        "assertionMethod": [
            {
                "id": f"{own_id}#ed25519-key",
                "type": "Multikey",
                "controller": own_id,
                "publicKeyMultibase": profile.multibase,
            }
        ],
    }


def collection(own_id: str, total: int, pages: int) -> Document:
    """Build an ordered collection, newest first. Its items stand on pages, numbered from 1; an empty one has none."""
    document: Document = {
        "@context": list(CONTEXT),
        "id": own_id,
        "type": "OrderedCollection",
        "totalItems": total,
    }
    if not total:
        return {**document, "orderedItems": []}
    return {**document, "first": page_id(own_id, 1), "last": page_id(own_id, pages)}


def page_id(own_id: str, number: int) -> str:
    return f"{own_id}?page={number}"


def page(own_id: str, number: int, pages: int, items: Sequence[object]) -> Document:
    """Build one page of a collection."""
    document: Document = {
        "@context": list(CONTEXT),
        "id": page_id(own_id, number),
        "type": "OrderedCollectionPage",
        "partOf": own_id,
        "orderedItems": list(items),
    }
    if number > 1:
        document["prev"] = page_id(own_id, number - 1)
    if number < pages:
        document["next"] = page_id(own_id, number + 1)
    return document


def activity(base: str, statement: Statement) -> Document:
    """Build an activity's document of its own."""
    return {"@context": list(CONTEXT), **embedded_activity(base, statement)}


def embedded_activity(base: str, statement: Statement) -> Document:
    """Build an activity inside a collection, whose context it shares."""
    return {
        "id": activity_id(base, statement.slug),
        "type": statement.kind,
        "actor": actor_id(base, statement.actor),
        "object": statement.object,
        "to": list(statement.to),
    }


def delivered_activity(base: str, statement: Statement) -> Document:
    """Build an activity as it is delivered."""
    return {"@context": PLAIN_CONTEXT, **embedded_activity(base, statement)}


def webfinger(base: str, host: str, name: str) -> Document:
    """Build the answer to who `acct:name@host` is (RFC 7033)."""
    own_id = actor_id(base, name)
    return {
        "subject": f"acct:{name}@{host}",
        "aliases": [own_id],
        "links": [{"rel": "self", "type": MEDIA_TYPE, "href": own_id}],
    }


def nodeinfo_links(base: str) -> Document:
    """Build the list of NodeInfo documents."""
    return {"links": [{"rel": NODEINFO_SCHEMA, "href": f"{base}/nodeinfo/2.1"}]}


def nodeinfo(version: str) -> Document:
    """Build NodeInfo 2.1. Its list of protocols has no word for ForgeFed."""
    return {
        "version": "2.1",
        "software": {"name": "link-assistant-router", "version": version},
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": False,
        "usage": {"users": {}},
        "metadata": {"federation": ["forgefed"]},
    }
