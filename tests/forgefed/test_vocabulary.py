from __future__ import annotations

import json

from forgefed import vocabulary
from forgefed.vocabulary import Profile, Statement
from tests.forgefed.recorded import ACTOR, BASE, DUMMY_PEM, FOLLOW, OUTBOX, body

PROFILE = Profile(
    name="code",
    kind="Service",
    display_name="Link Assistant Code Router",
    summary="ActivityPub and ForgeFed service actor for coding problem federation",
    public_key_pem=DUMMY_PEM,
)


def text(document: vocabulary.Document) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def test_the_actor_is_the_recorded_one():
    assert text(vocabulary.actor(BASE, PROFILE)) == ACTOR.replace("BASE", BASE)


def test_an_empty_base_gives_bare_paths():
    assert text(vocabulary.actor("", PROFILE)).encode() == body("/actor/code", "")


def test_an_empty_collection_is_the_recorded_one():
    assert text(vocabulary.collection(f"{BASE}/outbox/code", 0, [])) == OUTBOX.replace("BASE", BASE)


def test_the_follow_is_the_recorded_one():
    other = "https://problemsets.lefine.pro/actor/code"
    follow = Statement("follow-problemsets-code-001", "Follow", "code", other, (other,))
    assert text(vocabulary.activity(BASE, follow)) == FOLLOW.replace("BASE", BASE)
    assert "@context" not in vocabulary.embedded_activity(BASE, follow)


def test_documents_share_nothing_that_can_be_changed():
    first = vocabulary.collection("x", 0, [])
    first["@context"].append("changed")  # type: ignore[attr-defined]
    assert "changed" not in text(vocabulary.collection("x", 0, []))
