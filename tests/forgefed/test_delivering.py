"""Deliveries to real sockets: schemes, retries, servers that are away, several deliverers at once."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from forgefed import following
from forgefed.client import client as signed_client
from forgefed.delivering import Deliverer, outcome_of
from forgefed.models import Delivery, RemoteHost
from forgefed.signing import cavage, multikey, rfc9421
from forgefed.signing.messages import Message, Window
from gateway.kernel.egress import Answer as Got
from gateway.kernel.principal import GATEWAY
from tests.fakes.server import Answer, Seen
from tests.forgefed.peers import OURS, Peer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("federation")]


def deliver() -> int:
    return asyncio.run(Deliverer(signed_client(is_in_request=False)).once())


def due_now() -> None:
    Delivery.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    RemoteHost.objects.update(retry_at=None)


def own_key(client: Client):
    return multikey.read_public(client.get("/actor/code").json()["publicKey"]["publicKeyPem"])


def check(seen: Seen, peer: Peer, client: Client) -> str:
    """Verify what we sent with the key that we show; return the scheme."""
    headers = tuple((name.decode().lower(), value.decode()) for name, value in seen.headers)
    message = Message(seen.method, peer.base + seen.target.decode(), headers, seen.body)
    scheme = rfc9421 if seen.get("signature-input") else cavage
    signature = scheme.read(message, Window(time.time(), 300))
    assert signature.key_id == f"{OURS}#main-key"
    multikey.verify(own_key(client), signature.value, signature.base)
    return signature.scheme


def test_an_accept_is_delivered_signed_with_the_key_that_we_show(client: Client, peer: Peer):
    follow = peer.activity()
    peer.post(client, follow)
    assert deliver() == 1
    [accept] = peer.said()
    assert (accept["type"], accept["actor"], accept["object"]["id"]) == ("Accept", OURS, follow["id"])
    assert check(peer.came[0], peer, client) == "cavage"
    assert peer.came[0].get("content-type") == b"application/activity+json"
    assert Delivery.objects.get().state == "delivered"
    assert deliver() == 0
    fetches = [seen for seen in peer.server.seen if seen.method == "GET"]
    assert [check(seen, peer, client) for seen in fetches] == ["cavage"]


@pytest.mark.parametrize(
    "refusal",
    [Answer(401), Answer(400, parts=[b"No Digest provided"]), Answer(400, parts=[b"bad SIGNATURE"])],
)
def test_the_other_scheme_is_tried_at_once_and_remembered(client: Client, peer: Peer, refusal: Answer):
    new_only = lambda seen: Answer(202) if seen.get("signature-input") else refusal  # noqa: E731
    answer = peer.server.handler
    peer.server.handler = lambda seen: (
        (answer(seen), new_only(seen))[1] if seen.method == "POST" else answer(seen)
    )
    for _ in range(2):
        peer.post(client, peer.activity())
        deliver()
    assert [check(seen, peer, client) for seen in peer.came] == ["cavage", "rfc9421", "rfc9421"]
    assert {one["id"] for one in peer.said()[:2]} == {peer.said()[0]["id"]}
    assert RemoteHost.objects.get().scheme == "rfc9421"
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


@pytest.mark.parametrize(
    ("status", "text"), [(400, b"bad activity"), (404, b""), (410, b""), (403, b""), (302, b"")]
)
def test_a_no_ends_it(client: Client, peer: Peer, status: int, text: bytes):
    peer.inbox_answer = Answer(status, [("location", "/elsewhere")], [text])
    peer.post(client, peer.activity())
    deliver()
    assert len(peer.came) == 1
    row = Delivery.objects.get()
    assert (row.state, row.last_status) == ("failed", status)


def test_two_schemes_refused_end_it(client: Client, peer: Peer):
    peer.inbox_answer = Answer(401)
    peer.post(client, peer.activity())
    deliver()
    assert [check(seen, peer, client) for seen in peer.came] == ["cavage", "rfc9421"]
    assert Delivery.objects.get().state == "failed"


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_fault_is_tried_again_under_the_same_id_until_it_is_over(client: Client, peer: Peer, status: int):
    peer.inbox_answer = Answer(status)
    peer.post(client, peer.activity())
    deliver()
    assert deliver() == 0, "not before its time"
    due_now()
    deliver()
    peer.inbox_answer = Answer(202)
    due_now()
    deliver()
    assert len({one["id"] for one in peer.said()}) == 1 and len(peer.said()) == 3
    row = Delivery.objects.get()
    assert (row.state, row.attempts) == ("delivered", 3)


def test_a_server_that_is_away_gets_it_once_when_it_is_back(client: Client):
    with Peer() as peer:
        port = peer.server.port
        peer.post(client, peer.activity())
    deliver()
    assert "ConnectError" in Delivery.objects.get().last_error
    due_now()
    deliver()
    with Peer() as back:
        Delivery.objects.update(inbox_uri=f"{back.id}/inbox")
        due_now()
        assert deliver() == 1 and deliver() == 0
        assert [one["type"] for one in back.said()] == ["Accept"]
    assert port


def test_several_deliverers_send_each_once(client: Client, peer: Peer):
    for _ in range(12):
        peer.post(client, peer.activity())

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(Deliverer(signed_client(False)).once() for _ in range(4)))

    assert sum(asyncio.run(all_at_once())) == 12
    assert len({one["id"] for one in peer.said()}) == len(peer.said()) == 12


def test_a_follow_finds_the_inbox_by_itself(peer: Peer):
    following.follow(peer.id, GATEWAY)
    deliver()
    assert [(one["type"], one["object"]) for one in peer.said()] == [("Follow", peer.id)]
    assert Delivery.objects.get().inbox_uri == f"{peer.id}/inbox"


@pytest.mark.parametrize(
    ("answer", "state"), [(Answer(404), "failed"), (Answer(410), "failed"), (Answer(500), "waiting")]
)
def test_whom_we_follow_may_be_gone_or_away(peer: Peer, answer: Answer, state: str):
    peer.documents["/u/alice"] = answer
    following.follow(peer.id, GATEWAY)
    deliver()
    assert Delivery.objects.get().state == state
    assert not peer.came


def test_an_address_that_may_not_be_called_is_given_up_without_a_connection(peer: Peer, options):
    options(EGRESS_ALLOWED_NETWORKS=())
    following.follow(peer.id, GATEWAY)
    deliver()
    assert Delivery.objects.get().state == "failed"
    assert peer.server.accepted == 0


def test_a_running_deliverer_notices_what_others_wrote_and_stops_in_order(peer: Peer):
    async def scenario() -> float:
        deliverer = Deliverer(signed_client(False))
        await deliverer.start()
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        await asyncio.to_thread(following.follow, peer.id, GATEWAY)
        while not peer.came and time.monotonic() - begun < 10:
            await asyncio.sleep(0.01)
        took = time.monotonic() - begun
        await deliverer.aclose()
        return took

    assert asyncio.run(scenario()) < 5
    assert Delivery.objects.get().state == "delivered"


@pytest.mark.parametrize(
    ("status", "is_over", "is_away"),
    [(200, True, False), (202, True, False), (204, True, False), (301, True, False), (400, True, False),
     (404, True, False), (408, False, False), (429, False, False), (500, False, True), (503, False, True)],
)  # fmt: skip
def test_what_an_answer_means(status: int, is_over: bool, is_away: bool):
    outcome = outcome_of(Got(status, (("retry-after", "17"),), b"words", "https://a.example/"))
    assert (outcome.is_over, outcome.is_away) == (is_over, is_away)
    assert outcome.retry_after_seconds == (0 if is_over else 17)
    assert ("words" in outcome.error) is (not 200 <= status < 300)
