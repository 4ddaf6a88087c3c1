"""People who signed in, over real sockets: out within a second on every process, one cap for all their sign-ins."""

from __future__ import annotations

import contextlib
import copy
import json
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.e2e.calls import ASK, STREAM
from tests.e2e.test_limits import COST, call
from tests.fakes import redis
from tests.harness import GatewayProcess, Token, token_id
from tests.rawhttp import Response

ANN = "ann@example.org"
U = "anthropic-ratelimit-unified-"
PATHS = (
    ("POST", "/v1/messages"), ("POST", "/v1/messages/count_tokens"), ("GET", "/v1/models"),
    ("POST", "/v1/chat/completions"), ("POST", "/v1/responses"), ("GET", "/nowhere"),
)  # fmt: skip


@pytest.fixture
def gateway(start, vendor) -> GatewayProcess:
    return start("uvicorn")


@pytest.fixture
def twin(gateway) -> Iterator[GatewayProcess]:
    """A second process on the same database, without Redis: it hears of changes by looking."""
    second = copy.copy(gateway)
    second.log_file = gateway.data_dir / "second.log"
    with second:
        yield second


def shell(gateway: GatewayProcess, *lines: str) -> list[str]:
    """Run lines of Python beside the gateway, on its database; return what they print."""
    usual = ("from tests.sign_ins import *", "from django.contrib.auth.models import User")
    return gateway.manage("shell", "-v0", "-c", "\n".join((*usual, *lines))).splitlines()


def signed_in(gateway: GatewayProcess, count: int = 1, email: str = ANN, **given: object) -> list[Token]:
    """Make a person, or take the one there is, and sign her in several times."""
    made = gateway.admin("POST", "/api/people", {"email": email, **given})
    assert made.status in (200, 409), made.body
    lines = f"who = services.get({email!r})", f"for _ in range({count}): print(bearer(sign_in(who)))"
    return [Token(secret, token_id(secret)) for secret in shell(gateway, *lines)]


def unified(answer: Response) -> dict[str, str]:
    return {name.removeprefix(U): value for name, value in answer.headers if name.startswith(U)}


def refused(gateway: GatewayProcess, token: Token, method: str = "GET", path: str = "/v1/models") -> bool:
    """Tell whether the bearer is refused, and check how."""
    answer = gateway.ask(method, path, [token.bearer], ASK if method == "POST" else None)
    if answer.status != 401:
        return False
    assert answer.get("x-should-retry") == "false"
    return True


def seconds_until_out(processes: list[GatewayProcess], tokens: list[Token]) -> float:
    began = time.monotonic()
    while not all(refused(process, token) for process in processes for token in tokens):
        assert time.monotonic() < began + 10, "still let in"
    return time.monotonic() - began


def test_whoever_is_put_out_is_out_on_every_process_within_a_second(gateway, twin):
    both, emails = [gateway, twin], [f"{name}@example.org" for name in ("ann", "bob", "eve", "joe")]
    for email in emails:
        assert gateway.admin("POST", "/api/people", {"email": email}).status == 200
    lines = [
        f"for email in {emails!r}:",
        "    for _ in range(2): print(bearer(sign_in(services.get(email))))",
    ]
    secrets = shell(gateway, *lines)
    tokens = [Token(secret, token_id(secret)) for secret in secrets]
    assert {call(process, token).status for process in both for token in tokens} == {200}
    ways = (
        lambda email: gateway.admin("PATCH", f"/api/people/{email}", {"active": False}),
        lambda email: twin.admin("POST", f"/api/people/{email}/sign-out"),
        lambda email: shell(
            gateway, f"user = User.objects.get(email={email!r})", "user.is_active = False", "user.save()"
        ),
        lambda email: gateway.manage("people", "remove", email),
    )
    for number, (end, email) in enumerate(zip(ways, emails, strict=True)):
        hers, others = tokens[2 * number : 2 * number + 2], tokens[2 * number + 2 :]
        end(email)
        assert seconds_until_out(both, hers) < 1
        assert not any(refused(process, token) for process in both for token in others)


def test_an_ended_sign_in_is_refused_alike_on_every_path(gateway):
    [token] = signed_in(gateway)
    plain = gateway.issue("plain")
    for one in (token, plain):
        assert gateway.admin("POST", "/api/tokens/revoke", {"id": one.id}).status == 200
    for method, path in PATHS:
        assert refused(gateway, token, method, path), path
        answer = gateway.ask(method, path, [plain.bearer], ASK if method == "POST" else None)
        assert (answer.status, answer.get("x-should-retry")) == (403, None), path
    answer = call(gateway, token)
    assert answer.json()["error"] == {
        "type": "authentication_error",
        "message": "This sign-in has ended; sign in again with /login",
    }
    assert gateway.admin("GET", f"/api/people/{ANN}").json()["sign_ins"] == []
    [expired] = shell(gateway, f"print(bearer(sign_in(services.get({ANN!r}), seconds=-1)))")
    late, began = Token(expired, token_id(expired)), time.monotonic()
    while gateway.ask("GET", "/v1/models", [late.bearer]).get("x-should-retry") is None:
        assert time.monotonic() < began + 10, "the server hears of a row made beside it within a second"
    assert refused(gateway, late)


def test_her_cap_holds_for_all_her_sign_ins(gateway, vendor):
    cap = COST * Decimal("2.5")
    one, two = signed_in(gateway, 2, budget=str(cap), budget_period="day")
    first = call(gateway, one)
    assert (first.status, unified(first)["overage-utilization"], unified(first)["status"]) == (
        200,
        "0.00",
        "allowed",
    )
    gateway.exchanges(one)
    second = call(gateway, two, STREAM)
    shown = unified(second)
    assert second.status == 200
    assert (shown["status"], shown["overage-utilization"]) == ("allowed", "0.40")
    assert set(shown) == {
        "status", "reset", "representative-claim", "overage-status", "overage-reset", "overage-utilization",
    }  # fmt: skip
    gateway.exchanges(two)
    [later] = signed_in(gateway)  # to sign in again resets nothing
    before = len(vendor.seen)
    for token in (one, two, later):
        answer = call(gateway, token)
        assert (answer.status, answer.get("x-should-retry")) == (429, "false")
        assert unified(answer)["overage-disabled-reason"] == "org_spend_cap_reached"
        assert unified(answer)["overage-period"] == "daily"
        assert answer.json()["error"]["type"] == "billing_error"
        assert abs(int(answer.get("retry-after")) - (int(unified(answer)["reset"]) - time.time())) < 3
    assert len(vendor.seen) == before
    usage = gateway.admin("GET", f"/api/people/{ANN}").json()
    assert Decimal(usage["usage"]["budget"]["spent"]) == 2 * COST
    assert usage["usage"]["budget"]["resets_at"] == int(unified(answer)["reset"])
    used = {row["id"]: row["last_used_at"] for row in usage["sign_ins"]}
    assert sum(moment is not None for moment in used.values()) >= 2


@pytest.mark.redis
def test_with_redis_her_cap_is_one_for_all_processes(start, vendor):
    if not redis.is_installed():
        pytest.skip("redis-server is not installed")
    with contextlib.closing(redis.RedisServer().start()) as server:
        gateway = start("uvicorn", {"REDIS_URL": server.url})
        second = copy.copy(gateway)
        second.log_file = gateway.data_dir / "second.log"
        with second:
            one, two = signed_in(gateway, 2, budget=str(COST * Decimal("2.5")), budget_period="week")
            assert [call(gateway, one).status, call(second, two).status] == [200, 200]
            gateway.exchanges(two)
            for process, token in ((gateway, two), (second, one)):
                answer = call(process, token)
                assert (answer.status, unified(answer)["overage-period"]) == (429, "weekly")
            gateway.admin("PATCH", f"/api/people/{ANN}", {"budget": "1"})
            assert unified(call(gateway, one))["overage-utilization"] == "0.00"
            gateway.admin("POST", f"/api/people/{ANN}/sign-out")
            assert seconds_until_out([gateway, second], [one, two]) < 1
        [token] = signed_in(gateway)
        server.stop()
        answer = call(gateway, token)
        assert (answer.status, unified(answer)) == (429, {"overage-disabled-reason": "fetch_error"})
        assert answer.get("x-should-retry") == "false"


def test_a_pool_is_shared_and_a_members_budget_is_each_ones_own(gateway):
    given = {"name": "dev", "budget": str(COST * 3), "budget_period": "month",
             "member_budget": str(COST * Decimal("1.5")), "member_budget_period": "day"}  # fmt: skip
    assert gateway.admin("POST", "/api/groups", given).status == 200
    [ann] = signed_in(gateway, groups=["dev"])
    [bob] = signed_in(gateway, email="bob@example.org", groups=["dev"])
    for token in (ann, bob):
        assert call(gateway, token).status == 200
        gateway.exchanges(token)
    assert gateway.admin("PATCH", "/api/groups/dev", {"member_budget": None}).status == 200
    assert unified(call(gateway, ann))["overage-utilization"] == "0.66"
    gateway.exchanges(ann, 2)
    answer = call(gateway, bob)
    assert (answer.status, unified(answer)["overage-scope"]) == (429, "group_pool")
    assert unified(answer)["overage-period"] == "monthly"


def test_models_lists_and_plain_tokens(gateway):
    [token] = signed_in(gateway, allowed_models=["claude-haiku-*"])
    answer = call(gateway, token)
    assert (answer.status, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    plain = gateway.admin("POST", "/api/tokens", {"allowed_models": ["claude-haiku-*"], "person": ANN}).json()
    answer = gateway.ask("POST", "/v1/messages", [("x-api-key", plain["token"])], ASK)
    assert (answer.status, plain["person"]) == (403, ANN)
    listed = gateway.admin("GET", "/api/tokens/list").json()["data"]
    [row] = [row for row in listed if row["id"] == token.id]
    assert (row["label"], row["person"], row["state"]) == (ANN, ANN, "active")
    assert ANN in gateway.manage("tokens", "list")
    budgeted = gateway.admin("POST", "/api/tokens", {"budget": "0.000001", "budget_period": "day"}).json()
    answer = gateway.ask("POST", "/v1/messages", [("x-api-key", budgeted["token"])], ASK)
    assert (answer.status, answer.get("x-should-retry"), unified(answer)) == (429, "false", {})
    assert json.loads(answer.body)["error"]["type"] == "billing_error"
