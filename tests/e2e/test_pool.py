"""A pool under load and in trouble, over sockets: a hundred conversations, replays, budgets, refusals."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from itertools import groupby
from pathlib import Path

from tests.e2e.calls import ASK
from tests.e2e.pooling import PoolVendor, accounts, call, credential, limited, sessions, wait_for, write_pair
from tests.fakes.server import CUT, RESET, Answer
from tests.fakes.token_endpoint import FakeTokenEndpoint
from tests.fakes.vendor import error_answer, event, events, json_answer, message, stream_answer, text
from tests.harness import GatewayProcess

FAR = 4102444800
CONVERSATIONS, TURNS, ACCOUNTS, CLIENTS = 100, 20, 5, 10
FINE = json_answer(message("claude-sonnet-5-5", text("fine")))
MODEL = "claude-sonnet-5-5"


class Talk:
    """So many clients at once, each with conversations of its own, turn by turn; halfway `meanwhile` happens."""

    def __init__(self, gateway: GatewayProcess, meanwhile) -> None:
        self.gateway = gateway
        self.statuses: Counter[int] = Counter()
        self._guard = threading.Lock()
        self._halfway = threading.Barrier(CLIENTS, meanwhile, timeout=60)

    def run(self) -> None:
        threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _client(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=60)
        statuses: Counter[int] = Counter()
        for turn in range(TURNS):
            if turn == TURNS // 2:
                self._halfway.wait()
            for session in range(number, CONVERSATIONS, CLIENTS):
                headers = dict(self.gateway.call_headers()) | {"x-claude-code-session-id": f"talk-{session}"}
                connection.request("POST", "/v1/messages", ASK, headers)
                answer = connection.getresponse()
                answer.read()
                statuses[answer.status] += 1
        connection.close()
        with self._guard:
            self.statuses += statuses


def test_a_hundred_conversations_stay_and_a_limit_moves_its_own_and_those_once(
    pooled, pool_vendor: PoolVendor
) -> None:
    gateway = pooled(ACCOUNTS, LOG_LEVEL="warning")
    pool_vendor.everybody = FINE
    tired = credential(2)
    before: dict[str, list[str]] = {}

    def halfway() -> None:
        before.update(sessions(pool_vendor))
        pool_vendor.calls.clear()
        pool_vendor.answers[tired] = limited()

    talk = Talk(gateway, halfway)
    talk.run()
    assert talk.statuses == {200: CONVERSATIONS * TURNS}
    assert len(before) == CONVERSATIONS
    assert all(len(set(secrets)) == 1 and len(secrets) == TURNS // 2 for secrets in before.values())
    assert Counter(secrets[0] for secrets in before.values()) == {
        credential(n): CONVERSATIONS // ACCOUNTS for n in range(ACCOUNTS)
    }
    for session, secrets in sessions(pool_vendor).items():
        session = before[session][0]
        served = [secret for secret, _ in groupby(secret for secret in secrets if secret != tired)]
        assert len(served) == 1, session
        assert (served[0] == session) == (session != tired)
    assert 1 <= sum(secret == tired for secret, _ in pool_vendor.calls) <= CLIENTS


def test_a_refused_call_is_replayed_on_the_same_account_with_its_new_credential(
    start, pool_vendor: PoolVendor, tmp_path: Path
) -> None:
    endpoint = FakeTokenEndpoint()
    try:
        homes = [tmp_path / f"home{number}" for number in range(3)]
        for number, home in enumerate(homes):
            write_pair(
                home, credential(number), refreshToken=f"sk-ant-ort01-of-{number}", expiresAt=FAR * 1000
            )
        write_pair(homes[1], credential(1), refreshToken=endpoint.refresh_token, expiresAt=FAR * 1000)
        settings = {
            "CLAUDE_CODE_HOME": str(homes[0]),
            "ADDITIONAL_ACCOUNT_DIRS": f"{homes[1]},{homes[2]}",
            "ANTHROPIC_API_KEY": "",
            "OAUTH_TOKEN_URL": endpoint.url,
        }
        gateway = start("uvicorn", settings, pool_vendor.url)
        pool_vendor.answers[credential(1)] = error_answer(401)
        for number in range(6):
            assert call(gateway, f"s{number}").status == 200
        secrets = [secret for secret, _ in pool_vendor.calls]
        refused = secrets.index(credential(1))
        assert secrets[refused : refused + 2] == [credential(1), "sk-ant-oat01-1"]
        assert pool_vendor.calls[refused][1] == pool_vendor.calls[refused + 1][1]
        assert Counter(secrets) == {credential(0): 2, credential(2): 2, credential(1): 1, "sk-ant-oat01-1": 2}
        assert endpoint.rotations == 1
    finally:
        endpoint.close()


LATE_ERROR = event("error", error={"type": "rate_limit_error", "message": "Slow down"})
OPENING = b"".join(events(MODEL, text("half"))[:3])
FAULTS = {
    "402": error_answer(402),
    "spend limit": error_answer(400, "You have reached your specified API usage limits."),
    "extra usage": error_answer(429, "Extra usage is required for long context requests."),
    "408": error_answer(408),
    "504": error_answer(504),
    "reset": Answer(200, [], [RESET], raw_head=b""),
    "cut": Answer(200, [], [CUT], "chunked", raw_head=b""),
    "error event": stream_answer([LATE_ERROR]),
    "overloaded event": stream_answer(
        [event("error", error={"type": "overloaded_error", "message": "Busy"})]
    ),
}
GIVEN_UP = {"extra usage"}
TAKEN = {"reset", "cut"}
"""Taken and not answered: nobody else is asked, and the same only where the connection was a kept one."""


def test_calls_upstream_stay_in_the_budget_whatever_fails(pooled, pool_vendor: PoolVendor) -> None:
    gateway = pooled(6)
    for name, fault in FAULTS.items():
        pool_vendor.everybody = fault
        pool_vendor.calls.clear()
        assert call(gateway, "s").status >= 400 or name.endswith("event"), name
        secrets = [secret for secret, _ in pool_vendor.calls]
        if name in TAKEN:
            assert len(set(secrets)) == 1 and len(secrets) <= 2, name
        else:
            assert len(secrets) == (1 if name in GIVEN_UP else 4), name
            assert len(set(secrets)) == len(secrets), name
        gateway.clear_accounts()


def test_no_further_attempt_begins_after_the_retry_time(pooled, pool_vendor: PoolVendor) -> None:
    gateway = pooled(4, RETRY_SECONDS="0.5")
    pool_vendor.everybody = error_answer(500)
    pool_vendor.everybody.delay = 0.4
    assert call(gateway).status == 500
    assert len(pool_vendor.calls) == 2


SURFACES = {
    "messages": ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}),
    "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
    "responses": ("/v1/responses", {"input": "hi", "store": False}),
    "bedrock": (
        f"/model/{MODEL}/invoke",
        {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9,
         "messages": [{"role": "user", "content": "hi"}]},
    ),
    "vertex": (
        f"/projects/p/locations/l/publishers/anthropic/models/{MODEL}:rawPredict",
        {"anthropic_version": "vertex-2023-10-16", "max_tokens": 9,
         "messages": [{"role": "user", "content": "hi"}]},
    ),
}  # fmt: skip


def told(gateway: GatewayProcess, surface: str) -> tuple[int, int, str]:
    """(status, retry-after, the error's words as this surface's clients look for them)."""
    path, body = SURFACES[surface]
    if surface in ("messages", "chat", "responses"):
        body = {"model": MODEL, **body}
    answer = gateway.ask("POST", path, gateway.call_headers(), json.dumps(body).encode())
    document = answer.json()
    if surface in ("messages", "vertex"):
        assert document["type"] == "error"
    words = document["message"] if surface == "bedrock" else document["error"]["message"]
    if surface == "bedrock":
        assert answer.get("x-amzn-errortype")
    return answer.status, int(answer.get("retry-after") or 0), words


def test_when_all_are_on_cooldown_every_dialect_says_so_and_until_when(
    pooled, pool_vendor: PoolVendor
) -> None:
    gateway = pooled(2)
    pool_vendor.answers = {credential(0): limited(900), credential(1): limited(300)}
    first = call(gateway)
    assert first.status == 429 and 295 <= int(first.get("retry-after") or 0) <= 316
    pool_vendor.calls.clear()
    for surface in SURFACES:
        status, seconds, words = told(gateway, surface)
        assert status == 429 and 290 <= seconds <= 316, surface
        assert "every account is on cooldown" in words, surface
    assert pool_vendor.calls == []
    gateway.clear_accounts()
    pool_vendor.answers, pool_vendor.everybody = {}, error_answer(529)
    for _ in range(4):
        call(gateway)
    pool_vendor.calls.clear()
    for surface in SURFACES:
        status, seconds, words = told(gateway, surface)
        assert status == 503 and 1 <= seconds <= 10, surface
        assert "upstream keeps failing" in words, surface
    assert pool_vendor.calls == []


def test_a_model_that_nobody_has_stays_a_404_and_never_becomes_a_limit(
    pooled, pool_vendor: PoolVendor
) -> None:
    gateway = pooled(2)
    pool_vendor.everybody = error_answer(404, "model: claude-sonnet-5-5")
    for _ in range(3):
        assert call(gateway).error == (404, "not_found_error", "model: claude-sonnet-5-5")
    assert len(pool_vendor.calls) == 2 + 1 + 1
    issued = gateway.admin("POST", "/api/tokens", {"account": "primary"}).json()["token"]
    headers = [("authorization", f"Bearer {issued}"), *gateway.call_headers()[1:]]
    pinned = gateway.ask("POST", "/v1/messages", headers, ASK)
    assert pinned.error[:2] == (404, "not_found_error") and pinned.get("retry-after") is None


def test_a_fault_after_the_streams_beginning_counts_too(pooled, pool_vendor: PoolVendor) -> None:
    gateway = pooled(2)
    pool_vendor.answers[credential(0)] = stream_answer([OPENING, 0.05, LATE_ERROR])
    for _ in range(4):
        call(gateway)
    assert Counter(secret for secret, _ in pool_vendor.calls) == {credential(0): 1, credential(1): 3}
    (rest,) = accounts(gateway)["primary"]["cooldowns"]
    assert (rest["scope"], rest["value"]) == ("model", MODEL)


def test_the_vendors_command_line_logs_in_anew_behind_our_back(
    pooled, pool_vendor: PoolVendor, tmp_path: Path
) -> None:
    gateway = pooled(1)
    home = tmp_path / "home0"
    (home / ".credentials.json").write_text(
        json.dumps({"claudeAiOauth": {"accessToken": "", "refreshToken": "", "expiresAt": 0}})
    )
    wait_for(lambda: accounts(gateway)["primary"]["state"] == "needs-login")
    assert gateway.admin("GET", "/api/accounts/primary").json()["needs_login"] is True
    assert call(gateway).status == 502 and pool_vendor.calls == []
    write_pair(home, credential(7))
    wait_for(lambda: accounts(gateway)["primary"]["state"] == "ready")
    assert call(gateway).status == 200
    assert pool_vendor.calls[-1][0] == credential(7)
