"""What one worker is told, every worker obeys within a second."""

from __future__ import annotations

import time

import pytest

from tests.e2e.calls import ASK
from tests.e2e.many.cluster import eventually
from tests.harness import SERVERS


@pytest.fixture(params=SERVERS)
def host(request, stores, launch):
    return launch(stores, request.param)


def statuses(host, token):
    return {a.status for a in host.on_every_worker(lambda c: host.messages_by(c, ASK, token)).values()}


def test_a_token_just_issued_works_on_every_worker(host):
    assert len(host.workers) == 2
    token = host.issue()
    assert statuses(host, token) == {200}


def test_a_revoked_token_is_refused_by_every_worker_and_after_a_restart(host, stores, launch):
    token = host.issue()
    clients = {pid: host.connect_to(pid) for pid in host.workers}
    assert {host.messages_by(c, ASK, token).status for c in clients.values()} == {200}
    assert host.admin("POST", "/api/tokens/revoke", {"id": token.id}).status == 200
    began = time.monotonic()
    for client in clients.values():
        eventually(lambda client=client: host.messages_by(client, ASK, token).status == 403, 1)
    took = time.monotonic() - began
    assert took < 1
    print(f"revocation on every worker after {took * 1000:.0f} ms")
    for client in clients.values():
        client.sock.close()
    assert host.stop() == 0
    host.start()
    assert statuses(host, token) == {403}
