"""What all clouds have in common: URLs, headers, verdicts."""

from __future__ import annotations

import httpx
import pytest

from providers.clouds import errors
from providers.clouds.transport import NO_CREDENTIAL, ORDER, Order
from providers.dialects.types import Headers, WireAnswer, WireRequest
from providers.drivers.base import Outcome, Scope
from providers.drivers.bedrock import BedrockDriver
from providers.drivers.clouds import CloudDriver
from providers.drivers.table import DRIVERS
from providers.upstream import Credential, CredentialKind, Upstream

CLOUDS = [driver for driver in DRIVERS.values() if isinstance(driver, CloudDriver)]
KEY = Credential(CredentialKind.API_KEY, "key-CANARY-123456")


def built(
    kind: str, request: WireRequest, credential: Credential = KEY, model: str = "m", **options: str
) -> Order:
    driver = DRIVERS[kind]
    base = "http://127.0.0.1:9/base"
    upstream = Upstream("p", kind, base, "", credential, model, options={"base_url": base, **options})
    made: httpx.Request = driver.build(upstream, request, 0.0)
    order = made.extensions[ORDER]
    assert isinstance(order, Order)
    return order


def asked(headers: Headers = ()) -> WireRequest:
    return WireRequest("POST", b"/v1/messages", b"", headers, b'{"model":"m","messages":[]}')


@pytest.mark.parametrize("driver", CLOUDS, ids=lambda driver: driver.kind)
def test_a_field_that_is_required_is_named(driver: CloudDriver) -> None:
    for name in driver.required:
        problem = driver.problem({other: "x" for other in driver.required if other != name}, "")
        assert problem is not None and problem[0] == name
    assert driver.problem(dict.fromkeys(driver.required, "x"), "") is None


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BedrockDriver, "extra", ("bedrock", "no_such_library"))
    problem = BedrockDriver().problem({"region": "eu"}, "")
    assert problem is not None and "pip install '.[bedrock]'" in problem[1]


def test_what_callers_ask_of_bedrock_does_not_go_to_anthropic() -> None:
    upstream = Upstream("p", "anthropic", "http://127.0.0.1:9", "", KEY)
    request = asked(((b"x-amzn-bedrock-trace", b"ENABLED"), (b"x-app", b"cli")))
    names = {name for name, _ in DRIVERS["anthropic"].build(upstream, request, 0.0).headers.raw}
    assert b"x-app" in names and b"x-amzn-bedrock-trace" not in names


@pytest.mark.parametrize("kind", ["vertex", "foundry"])
def test_headers_of_other_clouds_stay_here(kind: str) -> None:
    headers = (
        (b"x-amzn-bedrock-trace", b"1"),
        (b"x-amz-x", b"2"),
        (b"anthropic-workspace-id", b"w"),
        (b"x-app", b"cli"),
    )
    made = dict(built(kind, asked(headers), project="p").draft.headers)
    assert made[b"x-app"] == b"cli" and not {name for name, _ in headers[:3]} & set(made)


@pytest.mark.parametrize(
    ("status", "kind", "outcome", "scope"),
    [
        (400, errors.INVALID, Outcome.GIVE_UP, Scope.REQUEST),
        (401, errors.AUTHENTICATION, Outcome.RETRY_OTHER, Scope.ACCOUNT),
        (403, errors.PERMISSION, Outcome.RETRY_OTHER, Scope.MODEL),
        (403, errors.AUTHENTICATION, Outcome.RETRY_OTHER, Scope.ACCOUNT),
        (404, errors.NOT_FOUND, Outcome.RETRY_OTHER, Scope.MODEL),
        (408, errors.TIMEOUT, Outcome.RETRY_OTHER, Scope.REQUEST),
        (424, errors.API, Outcome.RETRY_OTHER, Scope.REQUEST),
        (429, errors.RATE_LIMIT, Outcome.RETRY_OTHER, Scope.MODEL),
        (501, errors.UNSUPPORTED, Outcome.GIVE_UP, Scope.REQUEST),
        (503, errors.OVERLOADED, Outcome.RETRY_OTHER, Scope.PROVIDER),
    ],
)
def test_verdicts(status: int, kind: str, outcome: Outcome, scope: Scope) -> None:
    verdict = BedrockDriver().classify(errors.made(status, kind, errors.SENTENCES[kind]), 0.0)
    assert (verdict.outcome, verdict.scope) == (outcome, scope)


def test_no_credential_is_the_operators_matter() -> None:
    verdict = BedrockDriver().classify(errors.made(503, errors.API, NO_CREDENTIAL), 0.0)
    assert verdict.needs_operator and verdict.scope is Scope.ACCOUNT


def test_a_prompt_that_is_too_long_is_seen_as_such() -> None:
    answer: WireAnswer = errors.made(400, errors.INVALID, errors.TOO_LONG)
    verdict = BedrockDriver().classify(answer, 0.0)
    assert verdict.is_overflow and verdict.outcome is Outcome.GIVE_UP
