"""What a bearer is told of itself: only its own rows, in the contract's shape, and nothing that stands behind us."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings

from gateway.kernel.parts import PARTS
from gateway.personal import account, models
from gateway.runtime import from_settings
from providers.dialects.types import FailureKind
from tests.gateway.usage.requests.making import call
from tests.principals import SOMEBODY
from tests.sign_ins import person, sign_in
from tokens import services
from tokens.groups import services as groups
from tokens.models import Token

pytestmark = pytest.mark.django_db
P = {"principal": SOMEBODY}


@pytest.fixture(autouse=True)
def folder(options: Any, tmp_path: Any) -> Iterator[None]:
    options(DATA_DIR=tmp_path)
    yield
    PARTS.drop(models.READER)


def told(token: Token) -> dict[str, Any]:
    row = Token.objects.select_related("group__parent", "person__user", "sign_in__user").get(pk=token.pk)
    return account.of_token(account.record_of(row), from_settings.table(settings.GATEWAY))


def of(token: Token, **values: Any) -> str:
    """Make a call of this token, just now."""
    own = {"token_id": token.id, "token_label": token.label, "ledger_id": token.ledger_id}
    return call(**{**own, **values})


def test_a_token_is_told_of_itself_in_the_shape_of_the_contract() -> None:
    mine = services.issue(
        label="laptop", budget="5", budget_period="month", requests_per_minute=20, **P
    ).token
    other = services.issue(label="other", **P).token
    of(mine, cost=Decimal("1.25"))
    of(other, cost=Decimal("99"))
    PARTS.put(models.READER, lambda record: ["claude-x"] if record.id == mine.id else [])
    found = told(mine)
    assert list(found) == [
        "person", "token", "group", "limits", "usage", "budget", "models", "surfaces", "days", "errors",
    ]  # fmt: skip
    assert found["token"]["id"] == mine.id and found["token"]["label"] == "laptop"
    assert found["token"]["expires_at"].endswith("Z") and found["person"] is None and found["group"] is None
    budget = found["budget"]
    assert (budget["limit"], budget["period"], budget["spent"], budget["remaining"]) == (
        "5",
        "month",
        "1.25",
        "3.75",
    )
    assert budget["resets_at"].endswith("T00:00:00Z") and budget["reserved"] == "0"
    assert found["limits"]["requests_per_minute"] == 20 and found["limits"]["max_requests"] is None
    assert found["usage"]["requests_per_minute"] == {"used": 0, "resets_at": None}
    assert found["models"] == ["claude-x"] and "messages" in found["surfaces"]
    assert [(row["model"], row["requests"], row["cost"]) for row in found["days"]] == [
        ("claude-x-1", 1, "1.25")
    ]
    assert found["errors"] == []


def test_a_successor_has_the_history_of_what_it_replaced() -> None:
    first = services.issue(**P).token
    of(first)
    second = services.rotate(first.id, **P).issued.token
    of(second)
    assert sum(row["requests"] for row in told(second)["days"]) == 2


def test_groups_narrow_what_holds() -> None:
    groups.create("all", budget="100", budget_period="day", **P)
    groups.create("dev", parent="all", requests_per_minute=5, allowed_models=["claude-*"], **P)
    token = services.issue(group="dev", requests_per_minute=50, allowed_surfaces=["messages"], **P).token
    found = told(token)
    assert found["group"] == "dev" and found["limits"]["requests_per_minute"] == 5
    assert found["limits"]["allowed_models"] == ["claude-*"] and found["surfaces"] == ["messages"]
    assert (found["budget"]["limit"], found["budget"]["period"]) == ("100", "day")


def test_a_sign_in_sees_all_of_its_person_and_of_nobody_else() -> None:
    ann, bob = person("ann@example.org", budget="7"), person("bob@example.org")
    bearer = sign_in(ann)
    of(bearer, person="ann@example.org", model_served="of-the-sign-in")
    own = services.issue(person="ann@example.org", **P).token
    of(own, person="ann@example.org", model_served="of-the-token")
    of(sign_in(bob), person="bob@example.org", model_served="of-bob", status=400)
    found = told(bearer)
    assert found["person"] == "ann@example.org" and found["budget"]["limit"] == "7"
    assert {row["model"] for row in found["days"]} == {"of-the-sign-in", "of-the-token"}
    assert found["errors"] == [] and "bob" not in str(found)
    assert {row["model"] for row in told(own)["days"]} == {"of-the-token"}


def test_the_last_errors_are_told_newest_first_and_no_more_than_fifty() -> None:
    token = services.issue(**P).token
    for age in range(60, 0, -1):
        of(token, age=float(age), status=429, failure_kind=FailureKind.RATE_LIMIT, attempts=2)
    of(token, status=200)
    of(token, age=61.0, status=499)
    cut = of(token, status=200, failure_kind=FailureKind.UPSTREAM)
    errors = told(token)["errors"]
    assert len(errors) == 50 and errors[0]["id"] == cut and errors[1]["status"] == 429
    assert [row["at"] for row in errors] == sorted((row["at"] for row in errors), reverse=True)
    assert set(errors[0]) == {"id", "at", "status", "model", "message", "what_to_do"}


def test_what_ended_early_says_when() -> None:
    token = services.expire(services.issue(ttl_hours=100, **P).token.id, **P)
    ends = told(token)["token"]["expires_at"]
    assert ends <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
