"""The reference's conformance list, a test per row: Crater, payments, counters, settings, commands, federation."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from gateway.config.table import table
from tests import warm
from tests.e2e.conformance.asking import HI, JSON, Make, answered, deviates, dumped, post
from tests.fakes.server import Answer, FakeServer, Seen
from tests.harness import MANAGE, PATIENCE, GatewayProcess, base_environment, token_id
from tests.rawhttp import Response

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def tracker() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.fixture
def crater(start: Make, tracker: FakeServer) -> Callable[[str], GatewayProcess]:
    """`crater("60")`: a gateway that waits so many seconds for the tracker."""
    tracker.reset()
    return lambda seconds: start(
        UPSTREAM_PROVIDER="crater", CRATER_FORGEFED_INBOX=f"{tracker.url}/inbox", CRATER_POLL_INTERVAL_MS="20",
        CRATER_POLL_TIMEOUT_SECS=seconds,
    )  # fmt: skip


def ticket(tracker: FakeServer, result: Any, *polls: dict[str, Any]) -> None:
    """Let the tracker accept with a result, and answer looks at the task in turn; the last is repeated."""
    looks = list(polls)

    def say(seen: Seen) -> Answer:
        if seen.method == "POST":
            return answered(dumped({"type": "Accept", "result": result}))
        return answered(dumped(looks.pop(0) if len(looks) > 1 else looks[0]))

    tracker.handler = say


def asked(crater: GatewayProcess, **more: Any) -> Response:
    return post(crater, CHAT, {"model": "crater-forgefed", "messages": HI, **more})


def test_19_crater(crater: Callable[[str], GatewayProcess], tracker: FakeServer) -> None:
    deviates("provider `crater`: the Offer")
    task = f"{tracker.url}/tasks/1"
    done = {
        "type": "Ticket",
        "id": task,
        "isResolved": True,
        "result": {"content": "done", "output_text": "no"},
    }
    patient = crater("60")
    for result in (task, {"id": task}):
        ticket(tracker, result, {"type": "Ticket", "id": task, "isResolved": False}, done)
        answer = asked(patient).json()
        assert answer["choices"][0]["message"]["content"] == "done" and answer["object"] == "chat.completion"
    offer = json.loads(next(seen.body for seen in tracker.seen if seen.method == "POST"))
    assert (offer["type"], offer["object"]["type"], offer["object"]["content"]) == (
        "Offer",
        "Ticket",
        "user: hi",
    )
    streamed = asked(patient, stream=True)
    assert streamed.body.endswith(b"data: [DONE]\n\n") and b'"done"' in streamed.body
    ticket(tracker, task, {"type": "Ticket", "id": task, "isResolved": False})
    assert asked(crater("1")).status == 504
    for said in (answered(dumped({"type": "Reject"})), answered(b"{}", status=500)):
        tracker.handler = lambda seen, said=said: said
        assert asked(patient).status == 502


def test_22_payments(start: Make) -> None:
    deviates("MPP: the challenge")
    deviates("`MPP_ENABLE=true` with an amount")
    made = start(
        MPP_ENABLE="true",
        MPP_AMOUNT="0.05",
        MPP_CURRENCY="USD",
        MPP_RECIPIENT="r",
        MPP_METHOD="test",
        MPP_ALLOW_TEST="true",
    )
    answer = post(made, CHAT, {"model": "gpt-4o", "messages": HI})
    assert answer.status == 402 and (answer.get("www-authenticate") or "").startswith("Payment ")
    told = answer.json()["error"]
    assert {name: told[name] for name in ("protocol", "intent", "amount", "currency", "resource")} == {
        "protocol": "mpp", "intent": "charge", "amount": "0.05", "currency": "USD", "resource": CHAT,
    }  # fmt: skip
    assert post(made, "/v1/messages", {"model": "claude-x"}).status == 200


def test_23_counters(start: Make, upstream: FakeServer) -> None:
    deviates("what `/metrics` and `/v1/usage` count")
    upstream.reset()
    made = start(METRICS_PUBLIC="true")
    post(made, "/v1/messages", {"model": "claude-x", "max_tokens": 5, "messages": HI})
    post(made, CHAT, {"model": "gpt-4o", "messages": HI})
    text = made.ask("GET", "/metrics").body.decode()
    families = re.findall(r"(?m)^# TYPE (link_assistant_\w+) counter$", text)
    assert families[:11] == [
        f"link_assistant_{name}_total"
        for name in (
            "requests", "errors", "bytes_in", "bytes_out", "openai_chat_completions", "openai_responses",
            "anthropic_messages", "tokens_issued", "tokens_revoked", "status", "account_calls",
        )
    ]  # fmt: skip
    for line in (
        "requests_total 2",
        "openai_chat_completions_total 1",
        "anthropic_messages_total 1",
        'status_total{code="200"} 2',
    ):
        assert f"\nlink_assistant_{line}\n" in text
    usage = made.admin("GET", "/v1/usage").json()
    assert (usage["requests_total"], usage["errors_total"], usage["status_counts"]) == (2, 0, {"200": 2})
    assert {"bytes_in", "bytes_out", "tokens_issued", "tokens_revoked", "account_calls"} <= set(usage)


OPTIONS = {
    "ROUTER_HOST": "--host", "ROUTER_PORT": "--port", "VERBOSE": "--verbose", "TOKEN_SECRET": "--token-secret",
    "CLAUDE_CODE_HOME": "--claude-code-home", "UPSTREAM_BASE_URL": "--upstream-base-url",
    "UPSTREAM_API_FORMAT": "--api-format", "ROUTING_MODE": "--routing-mode", "STORAGE_POLICY": "--storage-policy",
    "DATA_DIR": "--data-dir", "CLAUDE_CLI_BIN": "--claude-cli-bin", "UPSTREAM_PROVIDER": "--upstream-provider",
    "GONKA_PRIVATE_KEY": "--gonka-private-key", "GONKA_SOURCE_URL": "--gonka-source-url",
    "GONKA_MODEL": "--gonka-model",
    "CRATER_FORGEFED_INBOX": "--crater-forgefed-inbox", "CRATER_FORGEFED_ACTOR": "--crater-forgefed-actor",
    "CRATER_FORGEFED_TARGET": "--crater-forgefed-target", "CRATER_POLL_INTERVAL_MS": "--crater-poll-interval-ms",
    "CRATER_POLL_TIMEOUT_SECS": "--crater-poll-timeout-secs",
    "OPENAI_COMPATIBLE_PROVIDER_NAME": "--openai-compatible-provider-name",
    "OPENAI_COMPATIBLE_BASE_URL": "--openai-compatible-base-url",
    "OPENAI_COMPATIBLE_API_KEY": "--openai-compatible-api-key",
    "OPENAI_COMPATIBLE_API_KEY_ENV": "--openai-compatible-api-key-env",
    "OPENAI_COMPATIBLE_MODEL": "--openai-compatible-model", "OPENAI_COMPATIBLE_MODELS": "--openai-compatible-models",
    "ACTIVITYPUB_ACTOR_BASE_URL": "--activitypub-actor-base-url",
    "ACTIVITYPUB_PUBLIC_KEY_PEM": "--activitypub-public-key-pem", "DISABLE_OPENAI_API": "--disable-openai-api",
    "DISABLE_ANTHROPIC_API": "--disable-anthropic-api", "DISABLE_METRICS": "--disable-metrics",
    "ADDITIONAL_ACCOUNT_DIRS": "--additional-account-dirs",
    "EXPERIMENTAL_COMPATIBILITY": "--experimental-compatibility", "TOKEN_ADMIN_KEY": "--admin-key",
    "MPP_ENABLE": "--mpp-enable", "MPP_AMOUNT": "--mpp-amount", "MPP_CURRENCY": "--mpp-currency",
    "MPP_RECIPIENT": "--mpp-recipient", "MPP_METHOD": "--mpp-method",
}  # fmt: skip


def test_24_settings(tmp_path: Path) -> None:
    deviates("switches")
    assert {name: table()[name].flag for name in OPTIONS} == OPTIONS
    (tmp_path / ".lenv").write_text(
        "# a comment\nOPENAI_COMPATIBLE_BASE_URL: http://first\n"
        'OPENAI_COMPATIBLE_BASE_URL: http://lenv\nMPP_RECIPIENT:  "as it is" \n'
    )
    (tmp_path / ".env").write_text("OPENAI_COMPATIBLE_BASE_URL=http://env\nGONKA_MODEL=of-env\n")
    assert "n (http://lenv)" in doctor(tmp_path, {"OPENAI_COMPATIBLE_PROVIDER_NAME": "n"})
    assert "litellm (http://process)" in doctor(tmp_path, {"OPENAI_COMPATIBLE_BASE_URL": "http://process"})
    given = ("--openai-compatible-base-url", "http://flag")
    assert "litellm (http://flag)" in doctor(
        tmp_path, {"OPENAI_COMPATIBLE_BASE_URL": "http://process"}, *given
    )


def doctor(folder: Path, settings: dict[str, str], *given: str) -> str:
    """Return what doctor says, whether or not it finds something wrong."""
    done = warm.run([MANAGE, "doctor", *given], folder, {**base_environment(folder), **settings}, PATIENCE)
    assert done.status in (0, 1), done.err
    return done.out


def command(*given: str) -> str:
    """Run a command here, and return its standard output."""
    out = StringIO()
    call_command(*given, stdout=out, no_color=True)
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_25_commands() -> None:
    deviates("`tokens list`")
    secret = command("tokens", "issue", "--label", "by command")
    assert secret.startswith("la_sk_") and secret.count("\n") == 1
    name = token_id(secret.strip())
    heading = "id                                    issued_at   expires_at  revoked     label"
    assert command("tokens", "list").splitlines()[0] == heading
    assert list(json.loads(command("tokens", "show", name)))[:6] == [
        "id", "label", "issued_at", "expires_at", "revoked", "account",
    ]  # fmt: skip
    assert command("tokens", "revoke", name) == f"revoked {name}\n"
    assert command("accounts", "list").startswith("name              healthy   used    home\n")
    added = json.loads(command("providers", "add", "--name", "p", "--base-url", "http://h/", "--model", "m"))
    assert (added["name"], added["base_url"]) == ("p", "http://h")
    row = "p                     openai-compatible   http://h                          true        m"
    assert row in command("providers", "list").splitlines()
    assert command("providers", "remove", "p") == "removed p\n"
    with pytest.raises(SystemExit) as ended:
        call_command("providers", "remove", "p", stderr=(err := StringIO()), no_color=True)
    assert (ended.value.code, err.getvalue()) == (2, "not found: p\n")


def test_26_federation(start: Make) -> None:
    deviates("`POST /inbox/code` without a signature")
    made = start(ACTIVITYPUB_ACTOR_BASE_URL="https://r.example", FORGEFED_ALLOW_UNSIGNED="true")
    actor = made.ask("GET", "/actor/code")
    assert actor.get("content-type") == "application/activity+json"
    told = actor.json()
    assert (told["id"], told["type"], told["inbox"]) == (
        "https://r.example/actor/code", "Service", "https://r.example/inbox/code",
    )  # fmt: skip
    for path, name in (("/outbox/code", "outbox/code"), ("/actors/code/followers", "actors/code/followers")):
        listed = made.ask("GET", path).json()
        assert (listed["id"], listed["totalItems"]) == (f"https://r.example/{name}", 0)
    good = {"id": "i", "type": "Follow", "actor": "https://a.example/x"}
    sent = [("content-type", "application/activity+json")]
    assert made.ask("POST", "/inbox/code", sent, dumped(good)).json()["type"] == "Accept"
    assert made.ask("POST", "/inbox/code", sent, dumped(good)).status == 202
    refused = made.ask("POST", "/inbox/code", JSON, dumped({**good, "id": ""}))
    assert (refused.status, refused.json()["message"]) == (400, "activity id is required")
    assert made.ask("POST", "/inbox/code", [("content-type", "text/plain")], b"{}").status == 415
