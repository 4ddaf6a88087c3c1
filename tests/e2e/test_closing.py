"""Upstreams that close at every moment, behind a gateway: on both servers, with one account and with two.

Every single moment, orderly or by reset, on both event loops: `tests/providers/test_client_closing.py`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.pooling import accounts
from tests.fakes.closing import Closing, ClosingServer, Moment
from tests.harness import SERVERS, GatewayProcess

LARGE = "x" * 2**20
NAMES = ("account1", "account2")
numbers = itertools.count()


class Upstream(ClosingServer):
    """Closes what `closing` says: kept connections, or fresh ones."""

    def __init__(self) -> None:
        super().__init__(self._plan)
        self.closing: Closing | None = None
        self.is_stored: bool | None = None  # None = both

    def _plan(self, connection: int, exchange: int) -> Closing | None:
        return self.closing if self.is_stored in (None, exchange > 1) else None


class Scene:
    """A gateway before such an upstream."""

    def __init__(self, gateway: GatewayProcess, upstream: Upstream) -> None:
        self.gateway = gateway
        self.upstream = upstream

    def call(self, words: str = "hi") -> tuple[int, int]:
        """The status, and how often the upstream has read the request."""
        name = str(next(numbers))
        said = [{"role": "user", "content": f"call-{name} {words}"}]
        body = json.dumps({"model": "claude-sonnet-5-5", "messages": said}).encode()
        answer = self.gateway.ask("POST", "/v1/chat/completions", self.gateway.call_headers(), body)
        return answer.status, self.upstream.taken[name]

    def call_kept(self, closing: Closing, words: str = "hi") -> tuple[int, int]:
        """Over a connection that has served before."""
        self.upstream.closing = None
        assert self.call() == (200, 1)
        self.upstream.closing, self.upstream.is_stored = closing, True
        return self.call(words)

    def call_fresh(self, closing: Closing, words: str = "hi") -> tuple[int, int]:
        """Over a new connection."""
        self.upstream.closing, self.upstream.is_stored = Closing(Moment.ANSWERED), None
        assert self.call() == (200, 1)  # and nothing is kept
        self.upstream.closing, self.upstream.is_stored = closing, False
        return self.call(words)


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture(scope="module", params=SERVERS)
def gateway(
    request: pytest.FixtureRequest,
    template: Path,
    upstream: Upstream,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[GatewayProcess]:
    settings = {"ANTHROPIC_API_KEY": ""}
    directory = tmp_path_factory.mktemp("closing")
    with GatewayProcess(template, directory, upstream.url, request.param, settings) as process:
        for name in NAMES:
            row = {"name": name, "source": "api_key", "secret": f"sk-ant-api03-{name}-0123456789"}
            assert process.admin("POST", "/api/accounts", row).status == 201
        process.token = process.issue()
        yield process


@pytest.fixture(params=[1, 2], ids=["one account", "two accounts"])
def scene(request: pytest.FixtureRequest, gateway: GatewayProcess, upstream: Upstream) -> Iterator[Scene]:
    verb = "pause" if request.param == 1 else "resume"
    assert gateway.admin("POST", f"/api/accounts/{NAMES[1]}/{verb}").status == 200
    gateway.clear_accounts()
    upstream.closing = None
    yield Scene(gateway, upstream)
    upstream.closing = None


def test_a_stale_connection_is_nobodys_fault(scene: Scene) -> None:
    """More of them in a row than would open a breaker, or rest an account."""
    errors = {name: one["last_error"] for name, one in accounts(scene.gateway).items()}
    for is_reset in (False, True):
        for _ in range(3):
            assert scene.call_kept(Closing(Moment.STARTED, is_reset), LARGE) == (200, 1)
            assert scene.call_kept(Closing(Moment.TAKEN, is_reset))[0] == 200
            assert scene.call_kept(Closing(Moment.ANSWERED)) == (200, 1)
    scene.upstream.closing = None
    assert scene.call() == (200, 1)
    after = accounts(scene.gateway)
    assert {name: one["last_error"] for name, one in after.items()} == errors
    assert after["account1"]["state"] == "ready"


@pytest.mark.parametrize("is_reset", [False, True], ids=["end", "reset"])
def test_what_a_fresh_connection_brought_is_asked_of_nobody_else(scene: Scene, is_reset: bool) -> None:
    assert scene.call_fresh(Closing(Moment.STARTED, is_reset), LARGE) == (502, 0)
    assert scene.call_fresh(Closing(Moment.TAKEN, is_reset)) == (502, 1)
    for moment in (Moment.STATUS, Moment.HEAD, Moment.BODY):
        assert scene.call_fresh(Closing(moment, is_reset)) == (502, 1)
    assert scene.call_fresh(Closing(Moment.ANSWERED)) == (200, 1)


def test_an_answer_that_breaks_off_on_a_kept_connection_is_not_repeated(scene: Scene) -> None:
    for moment in (Moment.STATUS, Moment.HEAD, Moment.BODY):
        assert scene.call_kept(Closing(moment)) == (502, 1)


def test_what_the_upstream_has_long_had_is_not_sent_again(scene: Scene) -> None:
    assert scene.call_kept(Closing(Moment.TAKEN, after_seconds=1.2)) == (502, 1)
