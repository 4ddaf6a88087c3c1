"""The flagship: a real Claude Code signs in, works, sees its budget, obeys its settings, and is out when ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.installs import claude_code
from tests.e2e.signing_in import EMAIL, Client, Human, asked, change, granted, person, sign_ins
from tests.fakes.vendor import Vendor
from tests.harness import GatewayProcess, Token, token_id

pytestmark = [pytest.mark.interop, pytest.mark.timeout(400)]
BUDGET = {"budget": "1", "budget_period": "month"}


@pytest.fixture(scope="module")
def program() -> Path:
    return claude_code()


@pytest.fixture
def served(template: Path, tmp_path: Path, vendor: Vendor) -> Iterator[GatewayProcess]:
    with GatewayProcess(template, tmp_path / "gateway", vendor.url, "uvicorn") as gateway:
        made = gateway.admin("POST", "/api/groups", {"name": "dev"})
        assert made.status == 200, made
        person(gateway, groups=["dev"], **BUDGET)
        yield gateway


@pytest.fixture
def client(program: Path, tmp_path: Path, served: GatewayProcess) -> Client:
    """Give a client that is signed in."""
    found = Client(program, tmp_path / "home", served)
    found.keep(granted(served))
    return found


def policy(gateway: GatewayProcess, **settings: object) -> None:
    answer = gateway.admin("PUT", "/api/policies/dev", {"settings": settings})
    assert answer.status == 200 and answer.json()["warnings"] == [], answer


def test_it_signs_in_and_its_person_says_so(
    program: Path, served: GatewayProcess, vendor: Vendor, tmp_path: Path
) -> None:
    found, human = Client(program, tmp_path / "home", served), Human(served.url)
    human.log_in()
    states = []
    with found.begin_login() as running:
        assert running.stdin is not None and running.stdout is not None
        for line in running.stdout:
            told = json.loads(line)
            states.append(told["state"])
            if told["state"] == "polling":
                assert told["verificationUri"] == f"{served.url}/device"
                human.approve(told["userCode"])
            elif told["state"] in ("url_input", "trust_prompt", "confirm_account"):
                answer = {"state": told["state"], "shown": told["shown"], "accept": True}
                running.stdin.write(json.dumps(answer) + "\n")
            if told["state"] == "confirm_account":
                assert told["shown"] == EMAIL
            if told["state"] == "done":
                break
    assert [state for state in states if state not in ("connecting", "saving")] == [
        "url_input", "trust_prompt", "polling", "confirm_account", "done",
    ]  # fmt: skip
    assert (found.kept["email"], found.kept["revocationEndpoint"]) == (EMAIL, f"{served.url}/oauth/revoke")
    assert json.loads(found.run("auth", "status")[1])["apiProvider"] == "gateway"
    assert found.run("-p", "hello") == (0, "You said: hello\n")
    (sign_in,) = sign_ins(served)
    assert sign_in["surface"] == "claude_code" and sign_in["client"].startswith("claude-code/")
    assert found.kept["jwt"].encode() not in asked(vendor)[0].raw_head


def test_it_works_and_shows_what_is_spent(client: Client, served: GatewayProcess, vendor: Vendor) -> None:
    assert client.run("-p", "hello") == (0, "You said: hello\n")
    status, told = client.run("-p", "/usage")
    assert status == 0 and "$0.00 / $1.00 spent this month (0%)" in told and "resets" in told
    change(served, budget=None, budget_period=None)
    told = client.run("-p", "/usage")[1]
    assert "this month" in told and "/ $" not in told


def test_it_obeys_its_settings_and_tells_nobody_of_them(
    client: Client, served: GatewayProcess, vendor: Vendor
) -> None:
    env = {"CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1", "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1"}
    policy(served, env=env, permissions={"deny": ["Bash"]}, language="ünïcode", cleanupPeriodDays=20.0)
    assert client.run("-p", "hello") == (0, "You said: hello\n")
    for seen in asked(vendor):
        told = [name for name, _ in seen.headers if name.lower().startswith(b"x-claude-code")]
        assert told == [b"x-claude-code-session-id"]
    answer = client.run("-p", "RUN echo never", "--allowedTools", "Bash")[1]
    assert "The command said: never" not in answer


def test_its_telemetry_is_taken(client: Client, served: GatewayProcess) -> None:
    policy(
        served,
        env={
            "CLAUDE_CODE_ENABLE_TELEMETRY": "1", "OTEL_METRICS_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        },
    )  # fmt: skip
    assert client.run("-p", "hello")[0] == 0
    metrics = served.admin("GET", "/metrics").body.decode()
    line = next(line for line in metrics.splitlines() if 'request_seconds_count{surface="telemetry"}' in line)
    assert float(line.rpartition(" ")[2]) >= 1
    assert "OTEL" not in served.log()


def test_at_the_cap_it_asks_once_and_says_our_words(
    client: Client, served: GatewayProcess, vendor: Vendor
) -> None:
    change(served, budget="0.0001", budget_period="month")
    status, told = client.run("-p", "hello")
    assert status == 1 and "Your budget" in told and "resets" in told and not asked(vendor)
    bearer = Token(client.kept["jwt"], token_id(client.kept["jwt"]))
    calls = [row["status"] for row in served.exchanges(bearer) if row["path"] == "/v1/messages"]
    assert calls == [429]


def test_an_old_bearer_is_refreshed(client: Client, served: GatewayProcess) -> None:
    before = client.kept
    client.age()
    assert client.run("-p", "hello") == (0, "You said: hello\n")
    # Not the bearer itself: one that is made in the same second as the first says the same, letter by letter.
    assert client.kept["expiresAt"] >= before["expiresAt"]
    assert client.kept["idpRefreshToken"] != before["idpRefreshToken"]
    assert len(sign_ins(served)) == 1


def test_who_is_deactivated_is_out(client: Client, served: GatewayProcess, vendor: Vendor) -> None:
    change(served, active=False)
    for _ in range(2):
        status, told = client.run("-p", "hello", CLAUDE_CODE_MAX_RETRIES="0")
        assert status == 1 and "sign in again" in told.lower().replace("log in", "sign in")
        client.age()
    assert not asked(vendor) and not sign_ins(served)


def test_who_logs_out_is_out_everywhere(client: Client, served: GatewayProcess, vendor: Vendor) -> None:
    bearer = ("authorization", f"Bearer {client.kept['jwt']}")
    assert served.ask("GET", "/api/oauth/usage", [bearer]).status == 200
    assert client.run("auth", "logout")[0] == 0
    assert sign_ins(served) == []
    refused = served.ask("GET", "/api/oauth/usage", [bearer])
    assert (refused.status, refused.get("x-should-retry")) == (401, "false")


def test_a_refresh_that_is_refused_asks_for_a_new_login(
    client: Client, served: GatewayProcess, vendor: Vendor
) -> None:
    done = served.admin("POST", f"/api/people/{EMAIL}/sign-out", {})
    assert done.json() == {"signed_out": 1}
    client.age()
    status, told = client.run("-p", "hello")
    assert status == 1 and "/login" in told and not asked(vendor)
