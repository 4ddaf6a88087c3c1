"""Read the documents of others as compacted JSON, by the well-known short names. Pure: nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urldefrag

import orjson

from forgefed.errors import BadDocument
from gateway.kernel.egress import EgressRefused, origin_of

Document = Mapping[str, object]

DEEPEST = 64
LONGEST_ID = 500
PROFILE = "https://www.w3.org/ns/activitystreams"
ACCEPTED = f'application/activity+json, application/ld+json; profile="{PROFILE}"'
"""What we ask for, and believe: other types may be what a stranger has uploaded there."""


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A public key as a document shows it."""

    key_id: str
    owner: str
    public: str  # PEM or multibase


def parse(body: bytes) -> Document:
    """Read a JSON object of bounded depth. Raises `BadDocument`."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise BadDocument("not JSON") from exc
    if not isinstance(document, dict):
        raise BadDocument("not a JSON object")
    if depth_of(document) > DEEPEST:
        raise BadDocument("nested too deeply")
    return document


def required(document: object) -> tuple[str, str, str]:
    """Return id, type and actor of an activity. Raises `BadDocument` with the first that is missing."""
    members = document if isinstance(document, dict) else {}
    if not text_of(members, "id"):
        raise BadDocument("activity id is required")
    if not text_of(members, "type"):
        raise BadDocument("activity type is required")
    actor = next(
        (members[name] for name in ("actor", "attributedTo") if isinstance(members.get(name), str)), None
    )
    if actor is None:
        raise BadDocument("activity must include actor or attributedTo")
    return members["id"], members["type"], actor


def depth_of(document: object) -> int:
    """Return how deeply a document is nested, `DEEPEST` + 1 at most."""
    level, depth = [document], 0
    while level and depth <= DEEPEST:
        depth += 1
        level = [child for one in level for child in _children(one)]
    return depth


def _children(value: object) -> Iterator[object]:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (child for child in children if isinstance(child, dict | list))


def is_activity_type(content_type: str) -> bool:
    """Tell whether a content type is one of the two of ActivityPub."""
    kind, _, parameters = content_type.partition(";")
    kind = kind.strip().lower()
    return kind == "application/activity+json" or (
        kind == "application/ld+json" and any(PROFILE in part for part in parameters.split('"'))
    )


def id_of(value: object) -> str:
    """Return the id that a value is or has; empty without one, or when it is too long for one."""
    found = value.get("id") if isinstance(value, dict) else value
    return found if isinstance(found, str) and len(found) <= LONGEST_ID else ""


def many(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def text_of(document: Document, name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def is_same_origin(one: str, other: str) -> bool:
    """Tell whether two addresses have scheme, host and port in common. What is no address has none."""
    try:
        return origin_of(one) == origin_of(other)
    except EgressRefused:
        return False


def without_fragment(uri: str) -> str:
    return urldefrag(uri).url


def listed_keys(document: Document) -> list[ListedKey]:
    """Return the keys that an actor shows, each as its own."""
    found = []
    for one in (*many(document.get("publicKey")), *many(document.get("assertionMethod"))):
        key = key_of(one) if isinstance(one, dict) else None
        if key is not None:
            found.append(key)
    return found


def listed_key_ids(document: Document) -> set[str]:
    """Return the ids of the keys that an actor names as its own, shown or only referred to."""
    both = (*many(document.get("publicKey")), *many(document.get("assertionMethod")))
    return {id_of(one) for one in both} - {""}


def key_of(document: Document) -> ListedKey | None:
    """Return the key that a document is, if it is one."""
    owner = id_of(document.get("owner")) or id_of(document.get("controller"))
    public = text_of(document, "publicKeyPem") or text_of(document, "publicKeyMultibase")
    key_id = id_of(document)
    return ListedKey(key_id, owner, public) if key_id and owner and public else None
