"""`/console/people/`: people with their tokens; issuing, finding and ending one."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from gateway.models import AuditRow
from tests.gateway.console.pages.people import browser
from tests.gateway.usage.requests.making import call
from tests.principals import SOMEBODY
from tests.sign_ins import person, sign_in
from tokens import services
from tokens.groups import services as groups
from tokens.leaked import services as leaked
from tokens.models import Token

pytestmark = pytest.mark.django_db
P: dict[str, Any] = {"principal": SOMEBODY}
PATH = "/console/people/"


@pytest.fixture(autouse=True)
def own_directory(options: Any, tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path)


def page(client: Client, path: str = PATH, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content
    return answer.content.decode()


def form(client: Client, **said: str) -> Any:
    return client.post(f"{PATH}issue/", said)


def test_people_stand_there_with_their_tokens() -> None:
    ann = person("ann@example.org", budget="20", budget_period="month")
    made = services.issue(
        label="laptop", person="ann@example.org", budget="5", budget_period="never", **P
    ).token
    services.issue(label="build server", **P)
    services.revoke(services.issue(label="over", person="ann@example.org", **P).token.id, **P)
    sign_in(ann)
    call(token_id=made.id, ledger_id=made.ledger_id, cost=Decimal("1.25"), currency="USD", age=7200.0)
    shown = page(browser())
    hers = shown[shown.index('data-name="ann@example.org"') :]
    assert "0 %: 0.00 of 20.00 USD a month" in hers
    assert "25 %: 1.25 of 5.00 USD<" in hers and "2 h ago" in hers and "signed in" in hers
    assert hers.index("laptop") < hers.index("Tokens of nobody") < hers.index("build server")
    assert "over</a>" not in shown


def test_names_are_looked_for_and_pages_lead_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        person(f"p{number}@example.org")
    client = browser()
    shown = page(client, f"{PATH}?q=p1%40")
    assert re.findall(r'data-test="person" data-name="([^"]+)"', shown) == ["p1@example.org"]
    monkeypatch.setattr("gateway.console.holders.PEOPLE", 2)
    seen: list[str] = []
    path = PATH
    while path:
        shown = page(client, path)
        seen += re.findall(r'data-test="person" data-name="([^"]+)"', shown)
        found = re.search(r'href="([^"]+)" rel="next"', shown)
        path = "" if found is None else found[1].replace("&amp;", "&")
    assert [name for name in seen if name.startswith("p")] == [
        f"p{number}@example.org" for number in range(3)
    ]
    assert len(seen) == len(set(seen))
    page(client, f"{PATH}?after=x", 400)


def test_a_token_is_issued_for_a_person_and_its_secret_shown_once() -> None:
    person("ann@example.org")
    groups.create("dev", **P)
    client = browser()
    shown = page(client, f"{PATH}issue/?person=ann%40example.org")
    assert 'name="ttl_hours" type="number" min="1" max="87600" value="2160"' in shown
    assert 'name="person" list="known-people" value="ann@example.org"' in shown
    said = {"person": "ann@example.org", "label": "laptop", "group": "dev", "ttl_hours": "48", "budget": "5"}
    answer = form(client, **said, budget_period="month")
    assert (answer.status_code, answer["Location"]) == (302, f"{PATH}secret/")
    made = Token.objects.get()
    assert (made.label, made.budget_period, made.expires_at - made.issued_at) == (
        "laptop",
        "month",
        48 * 3600,
    )
    assert made.person is not None and made.group is not None and made.group.name == "dev"
    secret = re.search(r'data-test="secret">(la_sk_[^<]+)<', page(client, f"{PATH}secret/"))
    assert secret is not None and leaked.find(secret[1], **P).id == made.id
    page(client, f"{PATH}secret/", 404)
    row = AuditRow.objects.get(action="token.issue")
    assert (row.via, row.who_kind, row.after["person"]) == ("console", "person", "ann@example.org")


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"budget": "5"}, "budget_period"), ({"budget": "five", "budget_period": "day"}, "budget"),
        ({"person": "nobody@example.org"}, "person"), ({"group": "none"}, "group"), ({"ttl_hours": "0"}, "ttl_hours"),
        ({"ttl_hours": "soon"}, "ttl_hours"), ({"ttl_hours": "9" * 30}, "ttl_hours"),
        ({"budget": "5", "budget_period": "year"}, "budget_period"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_form_is_said_at_its_field(said: dict[str, str], field: str) -> None:
    answer = form(browser(), **{"label": "<b>kept</b>", **said})
    shown = answer.content.decode()
    assert answer.status_code == 400 and not Token.objects.exists()
    assert re.search(f'name="{field}"[^>]*aria-invalid="true"', shown) and 'role="alert"' in shown
    assert "&lt;b&gt;kept&lt;/b&gt;" in shown


def test_a_leaked_secret_leads_to_its_token_which_is_then_ended() -> None:
    made = services.issue(label="leaked", **P)
    client = browser("operator")
    answer = client.post(f"{PATH}find/", {"secret": f" {made.secret} "})
    assert answer.status_code == 302 and made.secret not in answer["Location"]
    shown = page(client, answer["Location"])
    assert 'data-test="found-token"' in shown and made.secret not in shown and 'data-test="revoke"' in shown
    assert client.get(f"{answer['Location']}revoke/").status_code == 405
    assert client.post(f"{answer['Location']}revoke/")["Location"] == answer["Location"]
    assert Token.objects.get().is_revoked
    shown = page(client, answer["Location"])
    assert "revoked" in shown and 'data-test="revoke"' not in shown
    assert {row.via for row in AuditRow.objects.filter(action__in=("token.find", "token.revoke"))} == {
        "console"
    }


def test_a_token_is_changed_where_the_form_says_otherwise() -> None:
    person("ann@example.org")
    groups.create("dev", **P)
    made = services.issue(label="laptop", **P).token
    path, client = f"{PATH}tokens/{made.id}/", browser()
    assert 'name="label" value="laptop"' in page(client, path)
    said = {
        "label": "build",
        "person": "ann@example.org",
        "group": "dev",
        "budget": "5",
        "budget_period": "day",
    }
    assert client.post(f"{path}change/", said)["Location"] == path
    row = Token.objects.get()
    assert (row.label, row.budget, row.budget_period) == ("build", 5, "day")
    assert row.group is not None and row.person is not None
    written = AuditRow.objects.count()
    client.post(f"{path}change/", said)
    assert AuditRow.objects.count() == written
    client.post(f"{path}change/", {**said, "person": "", "group": "", "budget": "", "budget_period": ""})
    row = Token.objects.get()
    assert (row.person, row.group, row.budget) == (None, None, None)
    for wrong, words in (
        ({"group": "none"}, "none"),
        ({"budget": "x"}, "budget"),
        ({"colour": "red"}, "colour"),
    ):
        answer = client.post(f"{path}change/", {**said, "label": "<i>kept</i>", **wrong})
        assert answer.status_code == 400 and words in answer.content.decode()
        assert "&lt;i&gt;kept" in answer.content.decode()
    assert Token.objects.get().label == "build"


def test_a_token_is_rotated_and_the_new_secret_shown_once() -> None:
    made = services.issue(label="laptop", **P)
    path, client = f"{PATH}tokens/{made.token.id}/", browser()
    assert client.post(f"{path}rotate/", {"grace_seconds": "5"}).status_code == 400
    answer = client.post(f"{path}rotate/", {"grace_seconds": "3600"})
    assert (answer.status_code, answer["Location"]) == (302, f"{PATH}secret/")
    shown = page(client, f"{PATH}secret/")
    secret = re.search(r'data-test="secret">(la_sk_[^<]+)<', shown)
    assert secret is not None and "The old secret is good until" in shown
    assert leaked.find(secret[1], **P).rotated_from == made.token.id
    page(client, f"{PATH}secret/", 404)
    assert client.post(f"{path}rotate/", {"grace_seconds": "0"}).status_code == 409
    assert AuditRow.objects.get(action="token.rotate").via == "console"


def test_a_token_is_handed_over_by_a_link() -> None:
    client = browser()
    assert form(client, label="laptop", handover="on").status_code == 302
    shown = page(client, f"{PATH}secret/")
    link = re.search(r'data-test="handover-url">http://testserver(/handover/[^<]+)<', shown)
    assert link is not None and "la_sk_" not in shown
    page(client, f"{PATH}secret/", 404)
    assert "Show my token" in page(Client(), link[1])


def test_what_belongs_to_a_sign_in_or_is_over_is_not_changed() -> None:
    token = sign_in(person("ann@example.org"))
    gone = services.issue(label="x", **P).token
    services.revoke(gone.id, **P)
    client = browser()
    for each in (token.id, gone.id):
        path = f"{PATH}tokens/{each}/"
        shown = page(client, path)
        assert 'data-test="rotate"' not in shown and 'data-test="save"' not in shown
        assert client.post(f"{path}rotate/", {"grace_seconds": "0"}).status_code == 409
    fields = {"label": "y", "person": "", "group": "", "budget": "", "budget_period": ""}
    assert client.post(f"{PATH}tokens/{token.id}/change/", fields).status_code == 409


def test_what_there_is_not() -> None:
    client = browser()
    assert client.post(f"{PATH}find/", {"secret": "la_sk_a.b.c"}).status_code == 404
    assert client.post(f"{PATH}find/", {}).status_code == 400
    page(client, f"{PATH}tokens/none/", 404)
    page(client, f"{PATH}tokens/%00/", 404)
    assert client.post(f"{PATH}tokens/none/revoke/").status_code == 404


def test_each_role_sees_what_it_may_do() -> None:
    token = services.issue(label="x", **P).token.id
    hooks = ("issue-token", "add-person", "find-secret", "revoke", "rotate", "save")
    seen = {}
    for role in ("viewer", "operator", "admin"):
        client = browser(role)
        shown = page(client) + page(client, f"{PATH}tokens/{token}/")
        seen[role] = {hook for hook in hooks if f'data-test="{hook}"' in shown}
    assert seen == {"viewer": set(), "operator": {"find-secret", "revoke"}, "admin": set(hooks)}
    viewer, operator = browser("viewer"), browser("operator")
    assert viewer.post(f"{PATH}find/", {"secret": "x"}).status_code == 403
    assert viewer.post(f"{PATH}tokens/{token}/revoke/").status_code == 403
    assert operator.get(f"{PATH}issue/").status_code == 403
    for action in ("change", "rotate"):
        assert operator.post(f"{PATH}tokens/{token}/{action}/").status_code == 403
    assert form(operator, label="y").status_code == 403
    assert not Token.objects.get().is_revoked


def test_the_page_asks_little_however_many_there_are(django_assert_max_num_queries: Any) -> None:
    groups.create("dev", member_budget="5", member_budget_period="month", **P)
    for number in range(12):
        person(f"p{number}@example.org", groups=["dev"])
        for _ in range(3):
            services.issue(label="x", person=f"p{number}@example.org", budget="5", **P)
    client = browser()
    with django_assert_max_num_queries(12):
        assert page(client).count('data-test="token"') == 36
