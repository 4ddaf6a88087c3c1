"""Between an admitted call and the answer that begins: accounts, retries, the budget of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.fakes import vendor as v
from tests.fakes.server import Answer, FakeServer, Seen
from tests.harness import GatewayProcess

JSON = ("content-type", "application/json")
ASK = json.dumps(
    {"model": "claude-sonnet-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
).encode()
STREAM = ASK[:-1] + b', "stream": true}'
KEYS = ("sk-ant-api03-one-0123456789", "sk-ant-api03-two-0123456789", "sk-ant-api03-three-0123456789")
Say = Callable[[Seen], Answer]


def error(status: int, kind: str, *headers: tuple[str, str]) -> Answer:
    body = json.dumps({"type": "error", "error": {"type": kind, "message": f"as {status}"}}).encode()
    return Answer(status, [JSON, ("request-id", "req_x"), *headers], [body])


def fine(seen: Seen) -> Answer:
    body = json.loads(seen.body)
    if body.get("stream"):
        return v.stream_answer([b"".join(v.events(body["model"], v.text("fine")))])
    return Answer(200, [JSON], [json.dumps(v.message(body["model"], v.text("fine"))).encode()])


class Upstream(FakeServer):
    """Answers by key: `by_key` says what an account gets; everything else is fine."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.by_key: dict[str, Say | Answer] = {}

    def _answer(self, seen: Seen) -> Answer:
        key = (seen.get("x-api-key") or b"").decode()
        say = self.by_key.get(key, fine)
        return say if isinstance(say, Answer) else say(seen)

    @property
    def keys(self) -> list[str]:
        return [(seen.get("x-api-key") or b"").decode() for seen in self.seen]


@pytest.fixture(scope="module")
def shared_upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def pooled(
    template, shared_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """Give a gateway with three accounts and nothing else."""
    settings = {"ANTHROPIC_API_KEY": "", "PING_SECONDS": "0.3"}
    directory = tmp_path_factory.mktemp("pooled")
    with GatewayProcess(template, directory, shared_upstream.url, "uvicorn", settings) as gateway:
        for number, key in enumerate(KEYS, 1):
            values = {"name": f"account{number}", "source": "api_key", "secret": key}
            answer = gateway.admin("POST", "/api/accounts", values)
            assert answer.status == 201, answer
        yield gateway


@pytest.fixture
def upstream(shared_upstream: Upstream, pooled: GatewayProcess) -> Iterator[Upstream]:
    pooled.token = pooled.issue()
    shared_upstream.by_key.clear()
    shared_upstream.reset()
    yield shared_upstream
    pooled.clear_accounts()


@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize(
    "refusal",
    [
        error(429, "rate_limit_error", ("retry-after", "30")),
        error(403, "permission_error"),
        error(529, "overloaded_error"),
        error(500, "api_error"),
        error(401, "authentication_error"),
    ],
    ids=lambda answer: str(answer.status),
)
def test_another_account_answers_when_one_cannot(
    pooled: GatewayProcess, upstream: Upstream, refusal: Answer, body: bytes
) -> None:
    upstream.by_key = dict.fromkeys(KEYS[:2], refusal)
    answers = [pooled.messages(body) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert KEYS[2] in upstream.keys
    assert len(upstream.seen) <= 3 * 3  # no account is asked twice for one call


def test_a_limited_account_is_left_alone_until_it_may_be_asked_again(
    pooled: GatewayProcess, upstream: Upstream
) -> None:
    upstream.by_key[KEYS[0]] = error(429, "rate_limit_error", ("retry-after", "30"))
    for _ in range(6):
        assert pooled.messages(ASK).status == 200
    assert upstream.keys.count(KEYS[0]) == 1


def test_the_requests_own_fault_is_not_retried_and_passes_as_it_is(
    pooled: GatewayProcess, upstream: Upstream
) -> None:
    wrong = error(400, "invalid_request_error")
    upstream.by_key = dict.fromkeys(KEYS, wrong)
    answer = pooled.messages(ASK)
    assert (answer.status, answer.body) == (
        400,
        b"".join(part for part in wrong.parts if isinstance(part, bytes)),
    )
    assert len(upstream.seen) == 1


def test_when_all_refuse_the_last_refusal_is_told_and_then_ours_with_the_soonest_end(
    pooled: GatewayProcess, upstream: Upstream
) -> None:
    upstream.by_key = dict.fromkeys(KEYS, error(429, "rate_limit_error", ("retry-after", "30")))
    first = pooled.messages(ASK)
    assert first.status == 429
    assert first.json()["error"]["message"] == "as 429"
    assert first.get("retry-after") == "30"
    assert len(upstream.seen) == 3
    second = pooled.messages(ASK)
    assert second.status == 429
    assert second.json()["error"]["type"] == "rate_limit_error"
    assert 1 <= int(second.get("retry-after") or 0) <= 32
    assert len(upstream.seen) == 3  # nobody was asked


def test_calls_upstream_never_exceed_the_budget(pooled: GatewayProcess, upstream: Upstream) -> None:
    for refusal in (
        error(500, "api_error"),
        error(401, "authentication_error"),
        error(429, "rate_limit_error"),
    ):
        upstream.reset()
        upstream.by_key = dict.fromkeys(KEYS, refusal)
        assert pooled.messages(ASK).status == refusal.status
        assert len(upstream.seen) <= 4
        pooled.clear_accounts()


def test_an_error_as_first_event_is_tried_elsewhere_and_a_later_one_is_told(
    pooled: GatewayProcess, upstream: Upstream
) -> None:
    overloaded = v.event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    upstream.by_key = dict.fromkeys(KEYS[:2], v.stream_answer([overloaded]))
    for _ in range(3):
        assert b"fine" in pooled.messages(STREAM).body
    whole = b"".join(list(v.events("claude-sonnet-5-5", v.text("half")))[:3])
    upstream.by_key = dict.fromkeys(KEYS, v.stream_answer([whole, 0.05, overloaded]))
    upstream.reset()
    assert pooled.messages(STREAM).body == whole + overloaded
    assert len(upstream.seen) == 1


def test_a_pinned_token_uses_its_account_and_no_other(pooled: GatewayProcess, upstream: Upstream) -> None:
    answer = pooled.admin("POST", "/api/tokens", {"account": "account2"})
    bearer = ("authorization", f"Bearer {answer.json()['token']}")
    for _ in range(3):
        assert pooled.ask("POST", "/v1/messages", [bearer, JSON], ASK).status == 200
    assert set(upstream.keys) == {KEYS[1]}
    upstream.by_key[KEYS[1]] = error(429, "rate_limit_error", ("retry-after", "30"))
    assert pooled.ask("POST", "/v1/messages", [bearer, JSON], ASK).status == 429
    assert set(upstream.keys) == {KEYS[1]}


def test_a_conversation_stays_on_its_account_and_moves_once(
    pooled: GatewayProcess, upstream: Upstream
) -> None:
    headers = {name: ("x-claude-code-session-id", name) for name in ("a", "b", "c", "d", "e", "f")}
    for _ in range(4):
        for header in headers.values():
            assert pooled.messages(ASK, header).status == 200
    accounts_of: dict[bytes | None, set[bytes | None]] = {}
    for seen in upstream.seen:
        accounts_of.setdefault(seen.get("x-claude-code-session-id"), set()).add(seen.get("x-api-key"))
    assert all(len(accounts) == 1 for accounts in accounts_of.values())
    assert len(set.union(*accounts_of.values())) == 3
    upstream.reset()
    upstream.by_key[KEYS[0]] = error(429, "rate_limit_error", ("retry-after", "30"))
    for _ in range(3):
        for header in headers.values():
            assert pooled.messages(ASK, header).status == 200
    after: dict[bytes | None, list[bytes | None]] = {}
    for seen in upstream.seen:
        after.setdefault(seen.get("x-claude-code-session-id"), []).append(seen.get("x-api-key"))
    for name, accounts in after.items():
        before = next(iter(accounts_of[name]))
        if before == KEYS[0].encode():
            assert set(accounts) - {before} and len(set(accounts) - {before}) == 1
        else:
            assert set(accounts) == {before}


def test_a_refusal_after_a_ping_becomes_an_event(pooled: GatewayProcess, upstream: Upstream) -> None:
    refused = error(400, "invalid_request_error")
    refused.delay = 0.9
    upstream.by_key = dict.fromkeys(KEYS, refused)
    answer = pooled.messages(STREAM)
    assert answer.status == 200
    assert answer.body.startswith(b"event: ping\n")
    assert answer.body.endswith(b"\n\n")
    last = answer.body.split(b"event: error\ndata: ")[1]
    assert json.loads(last)["error"]["message"] == "as 400"
