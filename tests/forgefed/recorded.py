"""Answers of link-assistant-router 0.18 to GET, as recorded; its address replaced by `BASE`."""

from __future__ import annotations

import json
from typing import Any

from forgefed.vocabulary import KEY_CONTEXTS

BASE = "https://router.example"

DUMMY_PEM = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEA0000000000000000000000000000000000000000000=\n"
    "-----END PUBLIC KEY-----"
)

_CONTEXT = (
    '"@context":["https://www.w3.org/ns/activitystreams","https://forgefed.org/ns",'
    '{"aliases":"fep:aliases","fep":"https://w3id.org/fep/ef61#"}]'
)

ACTOR = (
    "{" + _CONTEXT + ',"aliases":["urn:link-assistant:router:code","BASE/actor/code"],'
    '"followers":"BASE/actors/code/followers","id":"BASE/actor/code","inbox":"BASE/inbox/code",'
    '"name":"Link Assistant Code Router","outbox":"BASE/outbox/code","preferredUsername":"code",'
    '"publicKey":{"id":"BASE/actor/code#main-key","owner":"BASE/actor/code","publicKeyPem":'
    '"-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEA0000000000000000000000000000000000000000000=\\n'
    '-----END PUBLIC KEY-----"},"summary":"ActivityPub and ForgeFed service actor for coding problem federation",'
    '"type":"Service"}'
)
OUTBOX = (
    "{" + _CONTEXT + ',"id":"BASE/outbox/code","orderedItems":[],"totalItems":0,"type":"OrderedCollection"}'
)
FOLLOWERS = (
    "{" + _CONTEXT + ',"id":"BASE/actors/code/followers","orderedItems":[],"totalItems":0,'
    '"type":"OrderedCollection"}'
)
FOLLOW = (
    "{" + _CONTEXT + ',"actor":"BASE/actor/code","id":"BASE/activities/follow-problemsets-code-001",'
    '"object":"https://problemsets.lefine.pro/actor/code","to":["https://problemsets.lefine.pro/actor/code"],'
    '"type":"Follow"}'
)

BODIES = {
    "/actor/code": ACTOR,
    "/outbox/code": OUTBOX,
    "/actors/code/followers": FOLLOWERS,
    "/activities/follow-problemsets-code-001": FOLLOW,
}


def body(path: str, base: str = BASE) -> bytes:
    """Return the recorded body of `path`, served at `base`."""
    return BODIES[path].replace("BASE", base).encode()


def without_additions(document: dict[str, Any], pem: str = DUMMY_PEM) -> bytes:
    """Return our actor as the recorded one would be written: without what is ours, with the recorded key."""
    plain = {name: value for name, value in document.items() if name != "assertionMethod"}
    plain["@context"] = [one for one in plain["@context"] if one not in KEY_CONTEXTS]
    plain["publicKey"] = {**plain["publicKey"], "publicKeyPem": pem}
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
