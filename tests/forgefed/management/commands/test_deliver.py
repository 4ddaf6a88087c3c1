from __future__ import annotations

import io
import json
import signal
import time

import pytest
from django.core.management import call_command

from forgefed import following
from forgefed.models import Delivery
from gateway.kernel.principal import GATEWAY
from tests import warm
from tests.forgefed.peers import Peer
from tests.harness import MANAGE, PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)


def test_once_delivers_what_is_due_and_ends(peer: Peer):
    following.follow(peer.id, GATEWAY)
    out = io.StringIO()
    call_command("deliver", "--once", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"tried": 1}
    assert Delivery.objects.get().state == "delivered"
    call_command("deliver", "--once", stdout=out)
    assert out.getvalue().endswith("0 tried\n")


def test_it_delivers_until_it_is_told_to_end(tmp_path):
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "ROUTER_HOME": str(tmp_path),
        "DATA_DIR": str(tmp_path),
        "TOKEN_SECRET": "a-secret-for-this-test-0123456789abcdef",
        "EGRESS_ALLOWED_NETWORKS": "127.0.0.1/32",
        "ACTIVITYPUB_ACTOR_BASE_URL": "http://router.example",
    }

    def run(*arguments: str) -> str:
        done = warm.run([MANAGE, *arguments], tmp_path, environment, PATIENCE)
        assert done.status == 0, done.err
        return done.out

    run("migrate", "--verbosity", "0")
    with Peer() as peer, (tmp_path / "deliver.log").open("wb") as log:
        child = warm.start([MANAGE, "deliver"], tmp_path, environment, log)
        try:
            run("federation", "follow", peer.id)
            end = time.monotonic() + 60
            while not peer.came and time.monotonic() < end:
                time.sleep(0.05)
            assert [one["type"] for one in peer.said()] == ["Follow"]
        finally:
            child.send_signal(signal.SIGTERM)
            assert child.wait(30) == 0
        [delivery] = json.loads(run("federation", "deliveries", "--json"))
        assert delivery["state"] == "delivered"
