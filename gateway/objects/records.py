"""Knowledge of an object that an upstream keeps for one of our accounts."""

from __future__ import annotations

import hashlib
from enum import StrEnum

import msgspec

MAX_ID_LENGTH = 255
MAX_DOCUMENT_BYTES = 65536
"""A description longer than this is not kept: lists show the object without it."""


class Kind(StrEnum):
    """Kinds of objects that the gateway itself knows; a path that the operator adds is a kind of its own."""

    BATCH = "batch"
    FILE = "file"
    SKILL = "skill"
    CONTAINER = "container"
    RESPONSE = "response"
    ITEM = "item"  # of a stored response
    BACKGROUND = (
        "background"  # a response that runs here: whoever finds it later knows that its process has ended
    )
    CONVERSATION = "conversation"
    THREAD = "thread"  # by the id of a message in it
    CREDIT = "credit"  # what a refusal gives for a try with another model; by a digest of its token


class StoredObject(msgspec.Struct, frozen=True):
    """One object: where it lives, and who may name it.

    `owner` is the ledger of the token, which a rotation hands on. `account` "" = the provider's own key.
    """

    id: str
    kind: str
    provider: str
    account: str
    token_id: str
    owner: str
    made_at: float  # Unix seconds
    expires_at: float | None = None  # Unix seconds; None = until it is deleted
    tokens: int = 0  # of a thread: what its context was when it was last used
    document: str = ""  # as its upstream last described it, JSON; only rows have it, never memory


def credit_id(token: str) -> str:
    """Return the id of a credit: its token may be long, and is worth something."""
    return "credit_" + hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def is_usable_id(text: str) -> bool:
    """Tell whether it can be the key of a row: in the database, in Redis, in a log line."""
    return 0 < len(text) <= MAX_ID_LENGTH and text.isprintable()
