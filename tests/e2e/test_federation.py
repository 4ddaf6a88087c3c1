"""Federation as others see it: Fedify as a peer, gateways of our own, the walk-through, a kill at a bad moment."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.federating import FederatedGateway, FedifyPeer, until
from tests.fakes.server import Answer
from tests.forgefed.peers import TYPE, Peer

SCHEMES = ("cavage", "rfc9421")
interop = pytest.mark.interop


@pytest.fixture
def federated(template: Path, tmp_path: Path) -> Iterator[FederatedGateway]:
    with FederatedGateway(template, tmp_path / "one") as gateway:
        yield gateway


@interop
@pytest.mark.parametrize("scheme", SCHEMES)
def test_fedify_follows_us_and_verifies_our_accept(federated: FederatedGateway, scheme: str):
    with FedifyPeer(scheme) as peer:
        found = peer.control("keys", actor=federated.actor)
        assert found == {
            "publicKeys": [f"{federated.actor}#main-key"],
            "assertionMethods": [f"{federated.actor}#ed25519-key"],
        }
        peer.control("send", actor=federated.actor, id="#follow-1")
        [accept] = until(lambda: peer.seen("Accept"), "our Accept")
        assert accept["actor"] == federated.actor
        assert federated.followers() == [peer.actor]
        peer.control("send", actor=federated.actor, id="#follow-1", undo=True)
        until(lambda: federated.followers() == [], "the Undo")


@interop
@pytest.mark.parametrize("scheme", SCHEMES)
def test_we_follow_fedify_and_take_its_accept(federated: FederatedGateway, scheme: str):
    with FedifyPeer(scheme) as peer:
        federated.command("federation", "follow", peer.actor)
        until(lambda: federated.following() == {peer.actor: "accepted"}, "their Accept")
        [follow] = peer.seen("Follow")
        assert follow["actor"] == federated.actor
        federated.command("federation", "unfollow", peer.actor)
        until(lambda: peer.seen("Undo"), "our Undo")


@interop
@pytest.mark.parametrize("scheme", SCHEMES)
def test_fedify_believes_our_signatures_and_no_forged_ones(federated: FederatedGateway, scheme: str):
    """What we send to a stand-in is given to Fedify's verifier, as it came and changed."""
    refuse = {"cavage": Answer(202), "rfc9421": Answer(401)}[scheme]
    with FedifyPeer("rfc9421") as oracle, Peer() as other:
        other.inbox_answer = refuse
        federated.command("federation", "follow", other.id)
        until(lambda: len(other.came) > SCHEMES.index(scheme), "our Follow")
        seen = other.came[-1]
        assert bool(seen.get("signature-input")) is (scheme == "rfc9421")
        headers = {name.decode(): value.decode() for name, value in seen.headers}
        request = {"method": "POST", "url": other.base + seen.target.decode(), "headers": headers}
        body = seen.body.decode()
        assert oracle.control("verify", **request, body=body) == {"key": f"{federated.actor}#main-key"}
        assert oracle.control("verify", **request, body=body.replace("Follow", "Delete")) == {"key": None}
        elsewhere = {**request, "url": f"{other.base}/elsewhere"}
        assert oracle.control("verify", **elsewhere, body=body) == {"key": None}


def test_two_gateways_follow_each_other_behind_any_host(template: Path, tmp_path: Path):
    one = FederatedGateway(template, tmp_path / "one", server="daphne")
    with one, FederatedGateway(template, tmp_path / "two") as two:
        one.command("federation", "follow", two.actor)
        begun = time.monotonic()
        until(lambda: one.following() == {two.actor: "accepted"}, "the Accept")
        assert time.monotonic() - begun < 40
        assert two.followers() == [one.actor]
        for gateway in (one, two):
            assert {row["state"] for row in gateway.command("federation", "deliveries")} == {"delivered"}


def test_a_kill_between_the_202_and_the_delivery_loses_nothing(template: Path, tmp_path: Path):
    gateway = FederatedGateway(template, tmp_path / "one", {"FORGEFED_DELIVER_IN_SERVE": "false"})
    with Peer() as peer:
        with gateway:
            body = json.dumps(peer.activity("Follow", gateway.actor)).encode()
            headers = peer.headers(body, url=f"{gateway.base}/inbox/code")
            answer = gateway.ask("POST", "/inbox/code", list(headers.items()), body)
            assert (answer.status, answer.body) == (202, b"")
            gateway.process.send_signal(signal.SIGKILL)
            gateway.process.wait(30)
        assert not peer.came
        assert gateway.command("deliver", "--once") == {"tried": 1}
        assert [one["type"] for one in peer.said()] == ["Accept"]
        assert gateway.command("deliver", "--once") == {"tried": 0}


def test_a_server_that_was_away_gets_everything_once(template: Path, tmp_path: Path):
    quick = {"FORGEFED_RETRY_SECONDS": "0.5"}
    with FederatedGateway(template, tmp_path / "one", quick) as gateway, Peer() as peer:
        peer.inbox_answer = Answer(503)
        for _ in range(5):
            body = json.dumps(peer.activity("Follow", gateway.actor)).encode()
            headers = peer.headers(body, url=f"{gateway.base}/inbox/code")
            assert gateway.ask("POST", "/inbox/code", list(headers.items()), body).status == 202
        until(lambda: len(peer.came) >= 2, "the first tries")
        peer.inbox_answer = Answer(202)
        back = len(peer.came)

        def all_delivered() -> bool:
            rows = gateway.command("federation", "deliveries")
            return len(rows) == 5 and {row["state"] for row in rows} == {"delivered"}

        until(all_delivered, "the deliveries", 90)
        taken = [json.loads(seen.body)["id"] for seen in peer.came[back:]]
        assert len(taken) == len(set(taken)) >= 4


@pytest.mark.parametrize("server", ["daphne", "uvicorn"])
def test_strangers_get_their_answers_over_a_socket(template: Path, tmp_path: Path, server: str):
    with FederatedGateway(template, tmp_path / "one", server=server) as gateway:
        kind = ("content-type", TYPE)
        ask = gateway.ask
        assert ask("POST", "/inbox/code", [kind], b"{}").status == 401
        assert ask("POST", "/inbox/code", [("content-type", "text/plain")], b"{}").status == 415
        assert ask("POST", "/inbox/code", [kind], b"x" * 300_000).status == 413
        webfinger = f"/.well-known/webfinger?resource=acct:code@127.0.0.1:{gateway.own_port}"
        assert ask("GET", webfinger).json()["links"][0]["href"] == gateway.actor
        assert ask("GET", "/nodeinfo/2.1").status == 200
        assert ask("GET", "/actor/code", [("accept", "text/html")]).json()["id"] == gateway.actor
