"""Changes told to one worker: every worker obeys within a second, and so does one that is just starting."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from tests.e2e.calls import ASK
from tests.e2e.many.cluster import Host, eventually
from tests.e2e.test_limits import issue
from tests.fakes.openai_vendor import KEY, OpenAiVendor
from tests.harness import SERVERS, Token
from tests.rawhttp import RawClient, Response

MOST_SECONDS = 1.0
CHAT = b'{"model":"gpt-x","messages":[{"role":"user","content":"hi"}]}'


@pytest.fixture(params=SERVERS)
def host(request, launch_for_all, vendor):
    host = launch_for_all(request.param)
    yield host
    host.admin("POST", "/api/accounts/api-key/resume", {})


def statuses(host, token):
    return {a.status for a in host.on_every_worker(lambda c: host.messages_by(c, ASK, token)).values()}


def test_a_token_just_issued_works_on_every_worker(host):
    assert len(host.workers) == 2
    token = host.issue()
    assert statuses(host, token) == {200}


def test_a_revoked_token_is_refused_by_every_worker_and_after_a_restart(host):
    token = host.issue()
    with connected(host) as clients:
        assert {host.messages_by(c, ASK, token).status for c in clients.values()} == {200}
        assert host.admin("POST", "/api/tokens/revoke", {"id": token.id}).status == 200
        obeyed("revocation", clients, lambda client: host.messages_by(client, ASK, token).status == 403)
    assert host.stop() == 0
    host.start()
    assert statuses(host, token) == {403}


@contextlib.contextmanager
def connected(host: Host) -> Iterator[dict[int, RawClient]]:
    """Return a connection to each worker."""
    with contextlib.ExitStack() as stack:
        yield {pid: stack.enter_context(host.connect_to(pid)) for pid in host.workers}


def obeyed(what: str, clients: Mapping[int, RawClient], is_it: Callable[[RawClient], bool]) -> None:
    """Ask all workers at once until each obeys, and print when it did, from now on."""
    began = time.monotonic()

    def until(client: RawClient) -> float:
        eventually(lambda: is_it(client), MOST_SECONDS, f"{what} is not obeyed")
        return time.monotonic() - began

    with ThreadPoolExecutor(len(clients)) as threads:
        took = list(threads.map(until, clients.values()))
    assert max(took) < MOST_SECONDS
    print(f"{what}: " + ", ".join(f"{seconds * 1000:.0f} ms" for seconds in sorted(took)))


@dataclass
class Change:
    """A row that is changed, and how a call on some worker looks before and after."""

    what: str
    method: str
    path: str
    body: dict[str, object]
    call: Callable[[RawClient], Response]
    after: int  # the status; before it is 200
    comes_from: OpenAiVendor | None = None  # who answers afterwards
    asked: int = field(default=0, init=False)

    def make(self, host: Host) -> None:
        answer = host.admin(self.method, self.path, self.body)
        assert answer.status == 200, answer

    def is_obeyed(self, client: RawClient) -> bool:
        status = self.call(client).status
        if self.comes_from is None:
            return status == self.after
        was, self.asked = self.asked, len(self.comes_from.seen)
        return status == self.after and self.asked > was


@pytest.fixture
def elsewhere() -> Iterator[OpenAiVendor]:
    with OpenAiVendor() as server:
        yield server


@pytest.fixture
def changes(host: Host, other: OpenAiVendor, elsewhere: OpenAiVendor) -> list[Change]:
    """Of every kind of row one; the account last, for nothing is served after it."""
    narrow, slow = host.issue(), issue(host, requests_per_minute=1000)
    moved = {"name": "moved", "base_url": f"{other.url}/v1", "api_key": KEY, "models": ["gpt-x"]}
    closed = {**moved, "name": "closed", "models": ["gpt-y"]}
    for row in (moved, closed):
        assert host.admin("POST", "/api/providers", row).status == 200

    def message(token: Token) -> Callable[[RawClient], Response]:
        return lambda client: host.messages_by(client, ASK, token)

    def chat(body: bytes) -> Callable[[RawClient], Response]:
        def call(client: RawClient) -> Response:
            client.ask("POST", "/v1/chat/completions", host.call_headers(), body)
            return client.response()

        return call

    models, rate = {"allowed_models": ["claude-haiku-*"]}, {"requests_per_minute": 1}
    address = {"base_url": f"{elsewhere.url}/v1"}
    closing = chat(CHAT.replace(b"gpt-x", b"gpt-y"))
    return [
        Change("allowed models", "PATCH", f"/api/tokens/{narrow.id}", models, message(narrow), 403),
        Change("requests per minute", "PATCH", f"/api/tokens/{slow.id}", rate, message(slow), 429),
        Change("a provider's address", "PATCH", "/api/providers/moved", address, chat(CHAT), 200, elsewhere),
        Change("a provider disabled", "PATCH", "/api/providers/closed", {"enabled": False}, closing, 404),
        Change("an account paused", "POST", "/api/accounts/api-key/pause", {}, message(host.token), 502),
    ]


def test_changes_of_limits_providers_and_accounts_are_obeyed_by_every_worker(host, changes):
    with connected(host) as clients:
        for change in changes:
            before = [change.call(client).status for client in clients.values()]
            assert before == [200] * len(clients), change.what
            change.make(host)
            obeyed(change.what, clients, change.is_obeyed)


def test_changes_made_while_a_worker_restarts_are_in_force_in_the_new_one(host, changes):
    before = host.workers
    with host.connect_to(before[1]) as client:
        assert [change.call(client).status for change in changes] == [200] * len(changes)
    os.kill(before[0], signal.SIGKILL)
    [new] = eventually(lambda: set(host.workers) - set(before), 30, "the worker is not replaced")
    began = time.monotonic()
    for change in changes:
        change.make(host)
    made = time.monotonic()
    with eventually(lambda: accepted_by(host, new), 60, "the new worker accepts nothing") as client:
        print(f"changed in {made - began:.2f} s, served by the new one {time.monotonic() - made:.2f} s later")
        for change in changes:
            eventually(lambda change=change: change.is_obeyed(client), MOST_SECONDS, change.what)


def accepted_by(host: Host, pid: int) -> RawClient | None:
    """Return a connection to that worker, once it accepts any."""
    with contextlib.suppress(AssertionError):
        return host.connect_to(pid)
    return None
