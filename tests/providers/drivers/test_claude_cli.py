"""What a command line is asked, and what its answers mean."""

from __future__ import annotations

import orjson
import pytest

from providers.cli.failing import BY_STATUS, LOGGED_OUT, MISSING, TIME_OVER, TOO_LONG, Failed
from providers.cli.transport import ORDER
from providers.dialects.types import Failure, FailureKind, WireAnswer, WireRequest
from providers.drivers.base import Outcome, Scope
from providers.drivers.claude_cli import ClaudeCliDriver
from providers.upstream import Credential, CredentialKind, Upstream

JSON = ((b"content-type", b"application/json"),)
DRIVER = ClaudeCliDriver()


def test_a_call_becomes_an_order() -> None:
    login = Credential(CredentialKind.HOME, "/login")
    upstream = Upstream("c", "claude-cli", "", "a", login, "m", proxy="http://p")
    body = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
    built = DRIVER.build(upstream, WireRequest("POST", b"/v1/messages", b"", (), body), 0.0)
    order = built.extensions[ORDER]
    assert (order.task.prompt, order.credential, order.proxy) == ("hi", login, "http://p")
    assert (
        ORDER not in DRIVER.build(upstream, WireRequest("GET", b"/v1/models", b"", (), b""), 0.0).extensions
    )


@pytest.mark.parametrize(
    ("failed", "outcome", "scope"),
    [
        (BY_STATUS[429], Outcome.RETRY_OTHER, Scope.MODEL),
        (BY_STATUS[400], Outcome.GIVE_UP, Scope.REQUEST),
        (TIME_OVER, Outcome.GIVE_UP, Scope.REQUEST),
        (LOGGED_OUT, Outcome.RETRY_OTHER, Scope.REQUEST),
        (MISSING, Outcome.RETRY_OTHER, Scope.REQUEST),
    ],
    ids=lambda value: str(getattr(value, "status", value)),
)
def test_verdicts(failed: Failed, outcome: Outcome, scope: Scope) -> None:
    verdict = DRIVER.classify(WireAnswer(failed.status, JSON, failed.body()), 0.0)
    assert (verdict.outcome, verdict.scope, verdict.until) == (outcome, scope, None)


def test_other_verdicts() -> None:
    assert DRIVER.classify(WireAnswer(200, ()), 0.0).outcome is Outcome.OK
    assert DRIVER.classify(WireAnswer(400, JSON, TOO_LONG.body()), 0.0).is_overflow
    assert DRIVER.classify(Failure(FailureKind.UPSTREAM, "x"), 0.0).scope is Scope.REQUEST


def test_it_claims_and_says_what_it_lacks() -> None:
    assert DRIVER.claims("claude-x") and not DRIVER.claims("gpt")
    lacking = DRIVER.lacking()
    assert lacking == "" or lacking == "CLAUDE_CLI_BIN=claude is missing or not executable"
