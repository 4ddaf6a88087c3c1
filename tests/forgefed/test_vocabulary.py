from __future__ import annotations

import json

from forgefed import vocabulary
from forgefed.vocabulary import Profile, Statement
from tests.forgefed.recorded import ACTOR, BASE, DUMMY_PEM, FOLLOW, OUTBOX, body, without_additions

PROFILE = Profile(
    name="code",
    kind="Service",
    display_name="Link Assistant Code Router",
    summary="ActivityPub and ForgeFed service actor for coding problem federation",
    public_key_pem=DUMMY_PEM,
    multibase="z6Mk",
)


def text(document: vocabulary.Document) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def test_the_actor_is_the_recorded_one_and_shows_keys_that_others_read():
    actor = vocabulary.actor(BASE, PROFILE)
    assert without_additions(actor).decode() == ACTOR.replace("BASE", BASE)
    assert actor["@context"][:2] == list(vocabulary.CONTEXT[:2])
    assert {"https://w3id.org/security/v1", "https://www.w3.org/ns/did/v1"} < {
        str(one) for one in actor["@context"]
    }
    assert actor["assertionMethod"] == [
        {
            "id": f"{BASE}/actor/code#ed25519-key",
            "type": "Multikey",
            "controller": f"{BASE}/actor/code",
            "publicKeyMultibase": "z6Mk",
        }
    ]


def test_an_empty_base_gives_bare_paths():
    assert without_additions(vocabulary.actor("", PROFILE)) == body("/actor/code", "")


def test_an_empty_collection_is_the_recorded_one():
    assert text(vocabulary.collection(f"{BASE}/outbox/code", 0, 0)) == OUTBOX.replace("BASE", BASE)


def test_a_collection_has_its_items_on_pages():
    assert vocabulary.collection("x", 5, 3) == {
        "@context": list(vocabulary.CONTEXT),
        "id": "x",
        "type": "OrderedCollection",
        "totalItems": 5,
        "first": "x?page=1",
        "last": "x?page=3",
    }
    ends = [
        {name: page[name] for name in ("id", "prev", "next", "partOf") if name in page}
        for page in (vocabulary.page("x", number, 3, ["item"]) for number in (1, 2, 3))
    ]
    assert ends == [
        {"id": "x?page=1", "next": "x?page=2", "partOf": "x"},
        {"id": "x?page=2", "prev": "x?page=1", "next": "x?page=3", "partOf": "x"},
        {"id": "x?page=3", "prev": "x?page=2", "partOf": "x"},
    ]


def test_the_follow_is_the_recorded_one():
    other = "https://problemsets.lefine.pro/actor/code"
    follow = Statement("follow-problemsets-code-001", "Follow", "code", other, (other,))
    assert text(vocabulary.activity(BASE, follow)) == FOLLOW.replace("BASE", BASE)
    assert "@context" not in vocabulary.embedded_activity(BASE, follow)
    assert vocabulary.delivered_activity(BASE, follow)["@context"] == "https://www.w3.org/ns/activitystreams"


def test_documents_share_nothing_that_can_be_changed():
    first = vocabulary.collection("x", 0, 0)
    first["@context"].append("changed")  # type: ignore[attr-defined]
    assert "changed" not in text(vocabulary.collection("x", 0, 0))


def test_webfinger_and_nodeinfo():
    found = vocabulary.webfinger(BASE, "router.example", "code")
    assert found["subject"] == "acct:code@router.example"
    assert found["links"] == [
        {"rel": "self", "type": "application/activity+json", "href": f"{BASE}/actor/code"}
    ]
    assert vocabulary.nodeinfo_links(BASE)["links"][0]["href"] == f"{BASE}/nodeinfo/2.1"  # type: ignore[index]
    info = vocabulary.nodeinfo("1.2.3")
    assert (info["version"], info["protocols"]) == ("2.1", ["activitypub"])
