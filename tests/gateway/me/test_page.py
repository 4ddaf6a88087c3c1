"""`/me/` by login and by pasted token: what is one's own, and nothing of anybody else."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from gateway.me import holders
from gateway.me.page import by_use
from gateway.me.urls import urls
from gateway.models import ExchangeRow
from providers.dialects.types import FailureKind
from tests.gateway.console.pages.people import browser
from tests.gateway.me.makers import P, at_home, issued, used, with_token
from tests.sign_ins import bearer, person, sign_in
from tokens import services
from tokens.models import Token

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(options: Any, tmp_path: Any) -> None:
    options(DATA_DIR=tmp_path, PUBLIC_URL="https://gw.example.com")


def text(client: Client, path: str = "/me/") -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer
    return str(answer.content.decode())


def test_nobody_gets_a_field_for_a_token_and_no_session(client: Client) -> None:
    page = client.get("/me/")
    assert page.status_code == 200 and 'name="token"' in page.content.decode()
    assert page["Cache-Control"] == "no-store" and "frame-ancestors 'none'" in page["Content-Security-Policy"]
    assert not Session.objects.exists()
    assert "la_sk_" not in client.get("/me/?token=la_sk_x").content.decode().replace("la_sk_…", "")


def test_a_pasted_token_opens_its_own_page_and_its_secret_is_kept_nowhere() -> None:
    made = issued(label="laptop", budget="5", budget_period="month")
    used(made.token, cost=Decimal("1.5"))
    used(
        made.token,
        status=400,
        failure_kind=FailureKind.INVALID_REQUEST,
        failure_message="max_tokens: too large",
        cost=None,
    )
    client = with_token(made.secret)
    cookie = client.cookies["sessionid"]
    assert cookie["max-age"] == "" and cookie["expires"] == "" and cookie["httponly"]
    kept = Session.objects.get()
    assert kept.get_decoded()[holders.KEY] == made.token.id
    assert made.secret not in str(kept.get_decoded()) and made.secret not in kept.session_data
    page = text(client)
    assert '<strong title="3.5 USD" data-test="budget-left">3.50 USD</strong>' in page
    assert 'data-test="budget-reset">Resets ' in page and "laptop" in page
    assert "max_tokens: too large" in page and "Change the request as the message says." in page
    assert "claude-x-1" in page and made.secret not in page and "YOUR_TOKEN" in page
    for name in ("claude-code", "codex", "opencode", "openai", "anthropic", "curl"):
        assert f'data-test="setup-{name}"' in page
    assert "https://gw.example.com/v1" in page


def test_a_pasted_token_opens_nothing_else() -> None:
    client = with_token(issued().secret)
    for path in ("/console/", "/console/usage/", "/api/tokens/list", "/v1/usage", "/admin/", "/device"):
        assert client.get(path).status_code in (302, 401, 404), path
    other = issued(label="another")
    assert "another" not in text(client, f"/me/?token={other.token.id}")


@pytest.mark.parametrize("end", [services.revoke, services.expire])
def test_it_ends_with_the_token(end: Any) -> None:
    made = issued()
    client = with_token(made.secret)
    end(made.token.id, **P)
    assert "has ended" in text(client)
    refused = Client().post("/me/", {"token": made.secret})
    assert refused.status_code == 200 and "Ask your administrator for a new one" in refused.content.decode()


@pytest.mark.parametrize("secret", ["", "la_sk_x", "sk-ant-whatever", "la_sk_a.b.c", "x" * 20_000, "\0"])
def test_what_is_no_token_is_refused_with_words(client: Client, secret: str) -> None:
    answer = client.post("/me/", {"token": secret})
    assert answer.status_code == 200 and "This is no token of this gateway" in answer.content.decode()
    assert holders.KEY not in client.session


def test_a_form_of_another_site_is_refused() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/me/", {"token": issued().secret}).status_code == 403


def test_somebody_logged_in_sees_her_own_and_nobody_else_s() -> None:
    ann, bob = person("ann@example.org", budget="20"), person("bob@example.org")
    mine = issued(label="of Ann", person="ann@example.org", budget="3").token
    theirs = issued(label="of Bob", person="bob@example.org").token
    used(mine, person="ann@example.org", model_served="model-of-ann")
    used(theirs, person="bob@example.org", model_served="model-of-bob", status=400)
    sign_in(ann), sign_in(bob)
    client = at_home(ann)
    page = text(client)
    assert "model-of-ann" in page and "of Ann" in page and "20.00 USD" in page
    assert "bob" not in page.lower() and page.count('data-test="sign-in"') == 1
    assert page.count('data-test="token"') == 1
    own = text(client, f"/me/?token={mine.id}")
    assert "of Ann" in own and "3.00 USD" in own
    assert client.get(f"/me/?token={theirs.id}").status_code == 404
    assert client.get("/me/?token=%00").status_code == 404


def test_who_logs_in_leaves_a_pasted_token_behind() -> None:
    client = with_token(issued(label="pasted").secret)
    client.force_login(person("ann@example.org").user)
    page = text(client)
    assert "pasted" not in page and "ann@example.org" in page
    assert client.post("/me/", {"token": issued(label="later").secret})["Location"] == "/me/"
    assert "later" not in text(client)


def test_every_role_has_her_own_page_and_staff_without_one_none() -> None:
    for role in ("viewer", "operator", "admin", "developer"):
        page = browser(role, is_staff=role != "developer").get("/me/")
        assert page.status_code == 200
        assert (b'data-test="nav-console"' in page.content) is (role != "developer")
    assert browser(None).get("/me/").status_code == 403


def test_the_bearer_of_a_sign_in_may_be_pasted_too() -> None:
    token = sign_in(person("ann@example.org", budget="7"))
    page = text(with_token(bearer(token)))
    assert "7.00 USD" in page and 'data-test="rotate"' not in page


def test_the_browser_forgets_the_token_when_asked() -> None:
    client = with_token(issued().secret)
    assert client.get("/me/leave").status_code == 405
    assert client.post("/me/leave")["Location"] == "/me/"
    assert 'name="token"' in text(client) and not Session.objects.exists()


def test_looking_changes_nothing_and_asks_little(django_assert_max_num_queries: Any) -> None:
    made = issued(budget="5", budget_period="day", person=person("ann@example.org").user.email)
    for _ in range(5):
        used(made.token, person="ann@example.org", status=500, failure_kind=FailureKind.INTERNAL)
    client, home = with_token(made.secret), at_home(made.token.person)
    before = list(Token.objects.values()), ExchangeRow.objects.count(), Session.objects.count()
    with django_assert_max_num_queries(12):
        text(client)
    with django_assert_max_num_queries(12):
        text(home)
    assert (list(Token.objects.values()), ExchangeRow.objects.count(), Session.objects.count()) == before


def test_what_somebody_else_has_written_is_escaped() -> None:
    made = issued(label="<script>alert(1)</script>")
    used(made.token, model_served='"><img src=x>', status=400, failure_message="<b>bold</b>")
    page = text(with_token(made.secret))
    assert "<script>alert" not in page and "<img src=x" not in page and "<b>bold" not in page


def test_a_model_s_days_are_added_up_exactly() -> None:
    row = {"model": "m", "currency": "USD", "requests": 1, "input_tokens": 2, "output_tokens": 3}
    told = {"days": [{**row, "day": "1", "cost": "0.1"}, {**row, "day": "2", "cost": "0.2"}]}
    (line,) = by_use(told)
    assert (line["cost"], line["requests"], line["input"], line["output"], line["days"]) == (
        "0.3",
        2,
        4,
        6,
        2,
    )


def test_without_the_console_there_is_no_such_page(options: Any) -> None:
    assert next(str(each.pattern) for each in urls()) == "me/"
    options(DISABLE_CONSOLE=True)
    assert urls() == []


def test_a_token_far_in_the_future_has_its_page() -> None:
    made = issued(ttl_hours=87_600)
    Token.objects.update(expires_at=2**53, signed_until=2**53)
    assert made.token.issued_at <= time.time()
    assert "laptop" not in text(with_token(made.secret))
