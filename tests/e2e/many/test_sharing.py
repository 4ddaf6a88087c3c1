"""Cooldowns, sessions, responses and counts: what one worker learns, the others know."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter

import pytest

from tests.e2e.calls import ASK
from tests.e2e.many.cluster import Host, eventually
from tests.fakes import vendor as v
from tests.harness import ADMIN_KEY, SERVERS


@pytest.fixture
def host(stores, launch, tmp_path) -> Host:
    """Two workers, three accounts."""
    homes = [tmp_path / f"home{number}" for number in range(3)]
    for number, home in enumerate(homes):
        home.mkdir()
        pair = {"claudeAiOauth": {"accessToken": f"sk-ant-oat01-CANARY-{number}"}}
        (home / ".credentials.json").write_text(json.dumps(pair))
    settings = {
        "CLAUDE_CODE_HOME": str(homes[0]),
        "ADDITIONAL_ACCOUNT_DIRS": ",".join(map(str, homes[1:])),
        "ANTHROPIC_API_KEY": "",
    }
    return launch(stores, settings=settings)


@pytest.fixture
def any_credential(vendor):
    vendor.credential = None
    yield
    vendor.credential = v.API_KEY


def credential(seen) -> str:
    return (seen.get("authorization") or b"").decode().removeprefix("Bearer ")


def ask(host: Host, client, session: str):
    headers = [*host.call_headers(), ("x-claude-code-session-id", session)]
    client.ask("POST", "/v1/messages", headers, ASK)
    return client.response()


@pytest.mark.usefixtures("any_credential")
def test_a_cooldown_is_obeyed_by_every_worker_within_a_second(host, vendor):
    one, two = (host.connect_to(pid) for pid in host.workers)
    with one, two:
        limit = ("anthropic-ratelimit-unified-status", "rejected")
        vendor.say(v.error_answer(429, "limited", limit, ("retry-after", "600")))
        assert host.messages_by(one, ASK).status == 200  # another account has served it
        tired = credential(vendor.seen[0])
        time.sleep(1)
        vendor.seen.clear()
        for number in range(6):
            assert ask(host, two, f"conversation-{number}").status == 200
    used = Counter(credential(seen) for seen in vendor.seen)
    assert len(used) == 2 and tired not in used


@pytest.mark.usefixtures("any_credential")
def test_a_conversation_sits_on_one_account_whichever_worker_serves_it(host, vendor):
    one, two = (host.connect_to(pid) for pid in host.workers)
    with one, two:
        for number in range(9):
            session = f"conversation-{number}"
            vendor.seen.clear()
            assert ask(host, one, session).status == 200
            time.sleep(0.1)  # told in the background
            for client in (two, one, two):
                assert ask(host, client, session).status == 200
            assert len({credential(seen) for seen in vendor.seen}) == 1


@pytest.mark.usefixtures("any_credential")
def test_any_worker_shows_the_sum(host, vendor):
    clients = {pid: host.connect_to(pid) for pid in host.workers}
    for count, client in enumerate(clients.values(), start=2):
        for _ in range(count):
            assert host.messages_by(client, ASK).status == 200

    def shown(client, path: str):
        client.ask("GET", path, [("authorization", f"Bearer {ADMIN_KEY}")])
        return client.response()

    def numbers(pid: int) -> tuple[int, int, float, int]:
        with host.connect_to(pid) as client:
            usage = shown(client, "/v1/usage").json()
        with host.connect_to(pid) as client:
            metrics = shown(client, "/metrics").body.decode()
        with host.connect_to(pid) as client:
            accounts = shown(client, "/v1/accounts").json()["accounts"]
        line = next(
            x for x in metrics.splitlines() if x.startswith("link_assistant_anthropic_messages_total")
        )
        count = next(
            x
            for x in metrics.splitlines()
            if x.startswith('link_assistant_request_seconds_count{surface="messages"}')
        )
        used = sum(account["used"] for account in accounts)
        return usage["anthropic_messages"], int(line.split()[1]), float(count.split()[1]), used

    for pid in clients:
        eventually(lambda pid=pid: numbers(pid) == (5, 5, 5.0, 5), 5, f"not the sum: {numbers(pid)}")
    for client in clients.values():
        client.sock.close()


@pytest.mark.parametrize("entry_point", SERVERS)
def test_what_was_counted_survives_a_killed_worker(stores, launch, vendor, entry_point):
    host = launch(stores, entry_point)
    for _ in range(4):
        assert host.messages(ASK).status == 200
    time.sleep(1.2)  # a worker's counts are written every second
    before = host.workers
    os.kill(before[0], signal.SIGKILL)
    eventually(lambda: len(set(host.workers) - set(before)) == 1, 30)
    eventually(lambda: host.admin("GET", "/v1/usage").json()["anthropic_messages"] == 4, 10)
