"""The inbox over a real socket to the sender's server: what is taken, and everything that is not."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from datetime import timedelta

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from django.test import Client
from django.utils import timezone

from forgefed import hosts, remote
from forgefed.errors import BadSignature
from forgefed.models import Delivery, Follower, Received, RemoteKey
from forgefed.remote import FetchLimit
from gateway.kernel.principal import GATEWAY
from tests.fakes.server import Answer
from tests.forgefed.peers import CONTEXT, TYPE, Peer, send, shown
from tests.forgefed.recorded import BASE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("federation")]

SCHEMES = ("cavage", "rfc9421")


def followers() -> list[str]:
    return list(Follower.objects.values_list("uri", flat=True))


def nothing_happened() -> bool:
    return not (Follower.objects.exists() or Delivery.objects.exists() or Received.objects.exists())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_follow_is_taken_with_an_empty_202(client: Client, peer: Peer, scheme: str):
    answer = peer.post(client, peer.activity(), scheme)
    assert (answer.status_code, answer.content, answer["content-length"]) == (202, b"", "0")
    assert "content-type" not in answer
    assert followers() == [peer.id]
    delivery = Delivery.objects.get()
    assert (delivery.inbox_uri, delivery.activity.kind) == (f"{peer.id}/inbox", "Accept")
    fetch = peer.server.seen[0]
    assert b'keyId="https://router.example/actor/code#main-key"' in (fetch.get("signature") or b"")


@pytest.mark.parametrize(
    "kind",
    ["application/json", 'application/ld+json; profile="x"', "APPLICATION/Activity+JSON; charset=utf-8"],
)
def test_types_that_are_json_are_taken(client: Client, peer: Peer, kind: str):
    assert peer.post(client, peer.activity(), headers={"content-type": kind}).status_code == 202


@pytest.mark.parametrize("kind", ["", "text/plain", "text/json", "application/x-www-form-urlencoded"])
def test_other_types_are_415_before_the_signature(client: Client, kind: str):
    answer = send(client, b"{}", {"content-type": kind})
    assert answer.status_code == 415
    assert answer.content == b"Expected request with `Content-Type: application/json`"


def test_a_body_over_256_kib_is_413_before_the_signature(client: Client, peer: Peer):
    assert send(client, b"x" * (256 * 1024 + 1), {"content-type": TYPE}).status_code == 413
    long = peer.activity(filler="")
    long["filler"] = "x" * (256 * 1024 - len(json.dumps(long)))
    assert peer.post(client, long).status_code == 202


@pytest.mark.parametrize("body", [b"", b"{bad", b"[]", b"{}", b'{"id":"a","type":"b","actor":"c"}'])
def test_what_is_not_signed_is_401_whatever_it_is(client: Client, body: bytes):
    assert send(client, body, {"content-type": TYPE}).status_code in (
        (400, 401) if body == b"[]" else (401, 400)
    )
    assert nothing_happened()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{bad", b"Failed to parse the request body as JSON"),
        (b"", b"EOF while parsing a value at line 1 column 0"),
        (b"[" * 200 + b"]" * 200, b"recursion limit"),
        (b'{"id":"\\u0000"}', b"zero byte"),
        (b"{}", b'{"error":"invalid_activity","message":"activity id is required"}'),
        (b"null", b"activity id is required"),
        (b'{"id":"i","actor":"u"}', b"activity type is required"),
        (b'{"id":"i","type":"T","actor":{"id":"u"}}', b"activity must include actor or attributedTo"),
    ],
)
def test_what_is_well_signed_and_no_activity_is_400(
    client: Client, peer: Peer, scheme: str, body: bytes, words: bytes
):
    answer = peer.post(client, body, scheme)
    assert answer.status_code == 400
    assert words in answer.content
    assert nothing_happened()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ten_minutes_old_or_early_is_refused_without_a_fetch(client: Client, peer: Peer, scheme: str):
    for now in (time.time() - 600, time.time() + 600):
        assert peer.post(client, peer.activity(), scheme, now=now).status_code == 401
    assert peer.fetched() == 0
    assert nothing_happened()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_tampered_body_or_host_is_refused(client: Client, peer: Peer, scheme: str):
    body = orjson.dumps(peer.activity())
    headers = peer.headers(body, scheme)
    assert send(client, body.replace(b"Follow", b"Delete"), headers).status_code == 401
    fresh = dict(headers)
    other = body.replace(b"Follow", b"Delete")
    digest = base64.b64encode(hashlib.sha256(other).digest()).decode()
    name, value = (
        ("digest", f"SHA-256={digest}") if scheme == "cavage" else ("content-digest", f"sha-256=:{digest}:")
    )
    assert send(client, other, {**fresh, name: value}).status_code == 401
    assert (
        peer.post(client, peer.activity(), scheme, url="https://other.example/inbox/code").status_code == 401
    )
    assert peer.post(client, peer.activity(), scheme, url=f"{BASE}/inbox/code?x=1").status_code == 401
    assert nothing_happened()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_another_key_under_the_same_id_is_refused(client: Client, peer: Peer, scheme: str):
    for key in (generate_private_key(65537, 2048), Ed25519PrivateKey.generate()):
        assert peer.post(client, peer.activity(), scheme, key=key).status_code == 401
    assert nothing_happened()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_one_actor_does_not_speak_for_another(client: Client, peer: Peer, scheme: str):
    with Peer("victim") as victim:
        answer = peer.post(client, victim.activity(), scheme)
        assert answer.status_code == 401
        on_foreign_host = {**peer.activity(), "id": f"{victim.base}/a/1"}
        assert peer.post(client, on_foreign_host, scheme).status_code == 403
    assert nothing_happened()


def test_a_key_on_another_host_than_its_owner_is_refused(client: Client, peer: Peer):
    with Peer("victim") as victim:
        peer.documents["/k"] = {
            "id": f"{peer.base}/k",
            "type": "Key",
            "owner": victim.id,
            "publicKeyPem": peer.document()["publicKey"]["publicKeyPem"],
        }
        assert peer.post(client, victim.activity(), key_id=f"{peer.base}/k").status_code == 401
        document = peer.document()
        document["publicKey"]["owner"] = victim.id
        peer.documents["/u/alice"] = document
        assert peer.post(client, victim.activity()).status_code == 401
    assert nothing_happened()
    assert not RemoteKey.objects.filter(owner=victim.id).exists()


def test_a_key_in_its_own_document_is_believed_if_its_owner_lists_it(client: Client, peer: Peer):
    key_id = f"{peer.base}/u/alice/main-key"
    pem = peer.document()["publicKey"]["publicKeyPem"]
    peer.documents["/u/alice/main-key"] = {"id": key_id, "owner": peer.id, "publicKeyPem": pem, "type": "Key"}
    assert peer.post(client, peer.activity(), key_id=key_id).status_code == 401
    peer.documents["/u/alice"] = {**peer.document(), "publicKey": {"id": key_id}}
    assert peer.post(client, peer.activity(), key_id=key_id).status_code == 202
    assert followers() == [peer.id]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500), Answer(404), shown({"id": "x"}, "text/html"), shown({"id": "x"}, "application/json"), shown([]),
        Answer(headers=[("content-type", TYPE)], parts=[b"x" * 2_000_000]), Answer(302, [("location", "http://10.0.0.1/")]),
        Answer(302, [("location", "http://[::1]:1/")]), Answer(headers=[("content-type", TYPE)], parts=[b"{"]),
        Answer(302, [("location", "/u/alice")]), shown({"id": "https://elsewhere.example/u"}),
    ],
)  # fmt: skip
def test_a_key_that_cannot_be_had_is_401_and_never_500(client: Client, peer: Peer, answer: Answer):
    peer.documents["/u/alice"] = answer
    assert peer.post(client, peer.activity()).status_code == 401
    assert nothing_happened()


@pytest.mark.parametrize(
    "key_id",
    [
        "http://169.254.169.254/latest#main-key", "http://2130706433:{}/u/alice#main-key", "http://[::1]:{}/x", "file:///etc/passwd",
        "http://127.0.0.2:{}/u/alice#k", "https://user@127.0.0.1/x", "nonsense", "//x", "http://localhost.localdomain:{}/",
    ],
)  # fmt: skip
def test_a_key_at_an_address_that_may_not_be_called_opens_no_connection(
    client: Client, peer: Peer, options, key_id: str
):
    options(EGRESS_ALLOWED_NETWORKS=())
    answer = peer.post(client, peer.activity(), key_id=key_id.format(peer.server.port))
    assert answer.status_code in (401, 403)
    assert peer.post(client, peer.activity()).status_code == 401
    assert peer.server.accepted == 0
    assert nothing_happened()


def test_actors_that_refer_to_each_other_end(client: Client, peer: Peer):
    peer.documents["/u/alice"] = {"id": f"{peer.base}/b", "type": "Person"}
    peer.documents["/b"] = {"id": f"{peer.base}/u/alice", "type": "Person"}
    assert peer.post(client, peer.activity()).status_code == 401
    peer.documents["/u/alice"] = {"id": peer.id, "owner": f"{peer.base}/b", "publicKeyPem": "x"}
    peer.documents["/b"] = {"id": f"{peer.base}/b", "owner": peer.id, "publicKeyPem": "x"}
    assert peer.post(client, peer.activity(), key_id=peer.id).status_code == 401
    assert peer.fetched() < 12


def test_a_changed_key_is_fetched_anew_once(client: Client, peer: Peer):
    assert peer.post(client, peer.activity()).status_code == 202
    assert peer.post(client, peer.activity()).status_code == 202
    assert peer.fetched() == 1, "the key is remembered"
    peer.key = generate_private_key(65537, 2048)
    assert peer.post(client, peer.activity()).status_code == 202
    assert peer.fetched() == 2
    assert peer.post(client, peer.activity(), key=generate_private_key(65537, 2048)).status_code == 401
    assert peer.fetched() == 3


def test_a_host_is_asked_for_so_many_keys_a_minute(client: Client, peer: Peer):
    peer.documents["/u/alice"] = Answer(404)
    for _ in range(40):
        assert peer.post(client, peer.activity()).status_code == 401
    assert peer.fetched() == 30


def test_an_actor_s_many_keys_are_not_all_kept(client: Client, peer: Peer):
    document = peer.document()
    pem = document["publicKey"]["publicKeyPem"]
    many = [{"id": f"{peer.id}#k{number}", "owner": peer.id, "publicKeyPem": pem} for number in range(500)]
    peer.documents["/u/alice"] = {**document, "publicKey": [document["publicKey"], *many]}
    assert peer.post(client, peer.activity()).status_code == 202
    assert RemoteKey.objects.count() <= 16


def test_keys_of_however_many_hosts_are_asked_for_so_often(peer: Peer):
    limit = FetchLimit()
    for number in range(600):
        limit.take(f"h{number}.example")
    with pytest.raises(BadSignature):
        limit.take("one-more.example")


def test_a_remembered_key_does_while_its_server_is_away(client: Client, peer: Peer):
    peer.post(client, peer.activity())
    RemoteKey.objects.update(fetched_at="2020-01-01T00:00:00Z")
    peer.documents["/u/alice"] = Answer(503)
    assert peer.post(client, peer.activity("Like")).status_code == 202


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_blocked_host_is_403_without_a_fetch(client: Client, peer: Peer, scheme: str):
    hosts.block(f"127.0.0.1:{peer.server.port}", True, GATEWAY)
    assert peer.post(client, peer.activity(), scheme).status_code == 403
    assert peer.fetched() == 0


def test_a_proof_is_believed_whoever_forwards_it(client: Client, peer: Peer):
    with Peer("bob") as bob:
        forwarded = bob.proven(bob.activity())
        assert peer.post(client, forwarded).status_code == 202
        assert followers() == [bob.id]
        assert (
            send(client, orjson.dumps(bob.proven(bob.activity("Like"))), {"content-type": TYPE}).status_code
            == 202
        )
        old = bob.proven(bob.activity(), "2026-01-01T00:00:00Z")
        assert send(client, orjson.dumps(old), {"content-type": TYPE}).status_code == 401


def test_a_wrong_proof_is_401_however_well_the_request_is_signed(client: Client, peer: Peer):
    changed = {**peer.proven(peer.activity()), "more": 1}
    assert peer.post(client, changed).status_code == 401
    assert peer.post(client, {**peer.activity(), "proof": {"type": "Other"}}).status_code == 202


def test_an_actor_that_is_gone_takes_its_leave(client: Client, peer: Peer):
    gone = peer.activity("Delete", peer.id)
    peer.documents["/u/alice"] = Answer(410)
    assert peer.post(client, gone).status_code == 202
    assert nothing_happened()
    assert peer.post(client, peer.activity("Delete", "https://other.example/x")).status_code == 401
    del peer.documents["/u/alice"]
    peer.post(client, peer.activity())
    peer.documents["/u/alice"] = Answer(410)
    assert peer.post(client, peer.activity("Delete", peer.id)).status_code == 202
    assert followers() == []


def test_the_very_same_bytes_change_nothing(client: Client, peer: Peer):
    body = orjson.dumps(peer.activity())
    headers = peer.headers(body)
    assert [send(client, body, headers).status_code for _ in range(3)] == [202, 202, 202]
    assert Delivery.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        (
            b'{"@context":"https://www.w3.org/ns/activitystreams","id":"https://a.example/f/1","type":"Follow",'
            b'"actor":"https://a.example/u","object":"x","zz":{"b":1,"a":[1.0,"\xc3\xa9"]}}',
            202,
            '{"@context":["https://www.w3.org/ns/activitystreams","https://forgefed.org/ns",{"aliases":"fep:aliases",'
            '"fep":"https://w3id.org/fep/ef61#"}],"object":{"@context":"https://www.w3.org/ns/activitystreams",'
            '"actor":"https://a.example/u","id":"https://a.example/f/1","object":"x","type":"Follow",'
            '"zz":{"a":[1.0,"é"],"b":1}},"type":"Accept"}',
        ),
        (b'{"id":"a","id":"b","type":"T","actor":"c"}', 202, '"object":{"actor":"c","id":"b","type":"T"}'),
        (b'{"id": "  ", "type": "T", "actor": ""}', 202, '"id":"  "'),
        (b'{"id": "i", "type": "T", "actor": null, "attributedTo": "u"}', 202, '"actor":null'),
        (b'{"id": 5, "type": "T", "actor": "u"}', 400, '{"error":"invalid_activity","message":"activity id is req'),
        (b'{"id": "i", "type": "", "actor": "u"}', 400, "activity type is required"),
        (b'{"id": "i", "type": "T", "actor": {"id": "u"}}', 400, "activity must include actor or attributedTo"),
        (b'"str"', 400, "activity id is required"),
        (b"{bad", 400, "Failed to parse the request body as JSON: "),
        (b"", 400, "Failed to parse the request body as JSON: EOF while parsing a value at line 1 column 0"),
    ],
)  # fmt: skip
def test_unsigned_posts_are_answered_as_the_reference_does_and_change_nothing(
    client: Client, options, body: bytes, status: int, answer: str
):
    options(FORGEFED_ALLOW_UNSIGNED=True)
    given = send(client, body, {"content-type": "application/json"})
    assert given.status_code == status
    assert answer in given.content.decode()
    if status == 202:
        assert given["content-type"] == given["accept"] == TYPE
    assert nothing_happened()


def test_a_wrong_signature_is_401_though_unsigned_posts_are_allowed(client: Client, peer: Peer, options):
    options(FORGEFED_ALLOW_UNSIGNED=True, EGRESS_ALLOWED_NETWORKS=("127.0.0.1/32",))
    assert peer.post(client, peer.activity(), now=time.time() - 900).status_code == 401
    assert send(client, b"{}", {"content-type": TYPE, "signature": "x"}).status_code == 401
    assert nothing_happened()


@pytest.mark.parametrize("method", ["get", "put", "delete", "options"])
def test_other_methods_are_an_empty_405(client: Client, method: str):
    answer = getattr(client, method)("/inbox/code")
    assert (answer.status_code, answer.content, answer["allow"]) == (405, b"", "POST")


def test_a_long_id_is_400_and_no_500(client: Client, peer: Peer):
    for change in ({"id": f"{peer.base}/" + "x" * 600}, {"type": "T" * 100}):
        assert peer.post(client, {**peer.activity(), **change}).status_code == 400
    long = {"@context": CONTEXT, **peer.activity("Like", {"id": "y" * 600})}
    assert peer.post(client, long).status_code == 202


def test_what_was_fetched_long_ago_is_forgotten_but_of_followers(client: Client, peer: Peer):
    with Peer("bob") as bob:
        peer.post(client, peer.activity())
        bob.post(client, bob.activity("Like"))
        RemoteKey.objects.update(fetched_at=timezone.now() - timedelta(days=31))
        remote.forget_old()
        assert set(RemoteKey.objects.values_list("owner", flat=True)) == {peer.id}
