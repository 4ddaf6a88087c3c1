from __future__ import annotations

import time
import uuid
from decimal import Decimal

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from uuid_utils import uuid7

from gateway.exchange.exchange import Exchange
from gateway.kernel.moments import id_floor
from gateway.models import AuditRow, PriceRow
from gateway.payments import claims
from gateway.payments.methods.base import Settled
from gateway.usage import services
from providers.dialects.types import Usage
from tests.gateway.payments.building import wanted
from tests.principals import SOMEBODY
from tokens import services as tokens

pytestmark = pytest.mark.django_db

EXCHANGES = "/admin/gateway/exchangerow/"
DAILY = "/admin/gateway/dailyusage/"


def exchange(**values: object) -> Exchange:
    defaults: dict[str, object] = {
        "id": str(uuid7()),
        "started_at": time.time(),
        "surface": "messages",
        "token_id": "t-1",
        "token_label": "laptop",
        "account": "primary",
        "provider": "anthropic",
        "model_asked": "claude-x",
        "model_served": "claude-x-1",
        "status": 200,
        "attempts": 1,
        "first_byte_seconds": 0.25,
        "total_seconds": 2.5,
        "usage": Usage(11, 2, 3, 4, 55),
        "cost": Decimal("0.0125"),
    }
    return Exchange(**(defaults | values))  # type: ignore[arg-type]


def found(client: Client, url: str) -> set[str]:
    """Return the ids of the rows on a list page."""
    answer = client.get(url)
    assert answer.status_code == 200, url
    return {str(row.pk) for row in answer.context["cl"].result_list}


def test_every_page_costs_ten_queries_at_most(admin_client: Client):
    services.write([exchange(token_id=f"t-{n}", account=f"a-{n % 9}") for n in range(200)])
    for url in (
        EXCHANGES,
        EXCHANGES + "?p=2",
        EXCHANGES + "?outcome=ok&account=a-1",
        DAILY,
        DAILY + "today/",
    ):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert admin_client.get(url).status_code == 200
        assert len(queries) <= 10, (url, [query["sql"][:200] for query in queries])
        counts = [query["sql"] for query in queries if "COUNT(*)" in query["sql"]]
        assert all("LIMIT 10000" in sql for sql in counts), counts


def test_filters_narrow_the_list(admin_client: Client):
    ok = exchange()
    limited = exchange(status=429, token_id="t-2")
    left = exchange(status=499, account="second")
    other = exchange(model_served="claude-y")
    refused = exchange(status=403, is_refusal=True, attempts=0, account="", model_served="")
    services.write([ok, limited, left, other, refused])
    everything = {row.id for row in (ok, limited, left, other, refused)}
    assert found(admin_client, EXCHANGES) == everything
    assert found(admin_client, EXCHANGES + "?outcome=429") == {limited.id}
    assert found(admin_client, EXCHANGES + "?outcome=499") == {left.id}
    assert found(admin_client, EXCHANGES + "?outcome=refused") == {refused.id}
    assert found(admin_client, EXCHANGES + "?token_id=t-2") == {limited.id}
    assert found(admin_client, EXCHANGES + "?account=second") == {left.id}
    assert found(admin_client, EXCHANGES + "?model_served=claude-y") == {other.id}
    assert found(admin_client, EXCHANGES + f"?q={ok.id}") == {ok.id}
    assert found(admin_client, EXCHANGES + "?q=t-2") == {limited.id}
    assert found(admin_client, EXCHANGES + "?q=%25") == set()


def test_a_day_is_a_range_of_ids(admin_client: Client):
    noon = 1_790_000_000.0  # 2026-09-21
    in_day = exchange(id=str(id_floor(noon)), started_at=noon)
    day_before = exchange(id=str(id_floor(noon - 86_400)), started_at=noon - 86_400)
    services.write([in_day, day_before])
    assert found(admin_client, EXCHANGES + "?on=2026-09-21") == {in_day.id}
    assert found(admin_client, EXCHANGES + "?on=2026-09-20") == {day_before.id}
    assert found(admin_client, EXCHANGES + "?on=2026-09-22") == set()
    assert found(admin_client, EXCHANGES + "?on=nonsense") == {in_day.id, day_before.id}
    assert len(found(admin_client, DAILY + "?on=2026-09-21")) == 1


def test_nothing_can_be_changed(admin_client: Client):
    row = exchange()
    services.write([row])
    for url in (EXCHANGES, DAILY):
        assert admin_client.get(url + "add/").status_code == 403
        assert b'name="action"' not in admin_client.get(url).content
    pk = uuid.UUID(row.id)
    assert admin_client.get(f"{EXCHANGES}{pk}/change/").status_code == 200
    assert admin_client.post(f"{EXCHANGES}{pk}/change/", {"status": 1}).status_code == 403
    assert admin_client.post(f"{EXCHANGES}{pk}/delete/", {"post": "yes"}).status_code == 403


def test_today_sums_by_token_account_and_model(admin_client: Client):
    services.write([exchange(), exchange(account="second"), exchange(status=529)])
    page = admin_client.get(DAILY + "today/")
    tokens, accounts, models = page.context["groups"]
    (line,) = tokens.lines
    assert (line.requests, line.errors, line.input_tokens, line.cached_tokens) == (3, 1, 33, 27)
    assert line.cost == "0.0375"
    assert [(entry.name, entry.requests) for entry in accounts.lines] == [("primary", 2), ("second", 1)]
    assert [entry.name for entry in models.lines] == ["claude-x-1"]
    assert "claude-x-1" in page.content.decode()


def test_the_pages_are_for_staff_with_the_permission(client: Client, django_user_model):
    django_user_model.objects.create_user("clerk", password="p", is_staff=True)
    client.login(username="clerk", password="p")
    for url in (EXCHANGES, DAILY, DAILY + "today/"):
        assert client.get(url).status_code == 403


@pytest.mark.django_db
def test_a_price_is_added_renamed_and_checked(admin_client: Client) -> None:
    url = "/admin/gateway/pricerow/add/"
    given = {"model": "mine", "provider": "", "input": "1.5", "output": "2", "currency": "USD", "source": ""}
    assert admin_client.post(url, given).status_code == 302
    row = PriceRow.objects.get(model="mine")
    change = f"/admin/gateway/pricerow/{row.pk}/change/"
    assert admin_client.post(change, {**given, "model": "other", "max_output": "9"}).status_code == 302
    assert not PriceRow.objects.filter(model="mine").exists()
    assert PriceRow.objects.get(model="other").max_output == 9
    assert b"must be a currency code" in admin_client.post(url, {**given, "currency": "usd"}).content
    assert admin_client.get("/admin/gateway/pricerow/?q=claude").status_code == 200


def test_an_exchange_s_page_says_when_where_and_what_without_crosses(admin_client: Client) -> None:
    row = exchange(status=502, account="", provider="local", failure_message="no connection", is_refusal=True)
    row.started_at = 1_790_000_000.0
    services.write([row])
    page = admin_client.get(f"{EXCHANGES}{uuid.UUID(row.id)}/change/").content.decode()
    assert "2026-09-21 14:13:20 UTC" in page and "no connection" in page
    assert "not streamed, refused by us" in page and "icon-no" not in page
    listed = admin_client.get(EXCHANGES).content.decode()
    assert "no connection" in listed and 'field-where">local<' in listed


def test_daily_sums_name_the_token_by_its_label(admin_client: Client) -> None:
    token = tokens.issue(label="night shift", principal=SOMEBODY).token
    services.write([exchange(token_id=token.id), exchange(token_id="gone")])
    page = admin_client.get(DAILY).content.decode()
    assert 'field-token">night shift<' in page and 'field-token">gone<' in page
    assert "Day (UTC)" in page


def test_titles_tell_pages_and_filters_apart(admin_client: Client) -> None:
    models = [
        model["name"] for app in admin_client.get("/admin/").context["app_list"] for model in app["models"]
    ]
    assert len(models) == len(set(models)) and {"Groups", "Token groups"} <= set(models)
    for model, model_admin in admin.site._registry.items():
        for name in model_admin.list_filter:
            title = str(model._meta.get_field(name).verbose_name) if isinstance(name, str) else name.title
            assert not title.startswith("is ") and "_" not in title, (model, title)


def test_the_list_of_prices_says_per_what(admin_client: Client) -> None:
    assert "per million tokens" in admin_client.get("/admin/gateway/pricerow/").content.decode()


def test_audit_is_looked_at_and_never_touched(admin_client: Client):
    first = tokens.issue(label="x", principal=SOMEBODY).token.id
    second = tokens.issue(label="y", principal=SOMEBODY).token.id
    url = "/admin/gateway/auditrow/"
    everything = found(admin_client, url)
    assert len(everything) == 2
    assert found(admin_client, f"{url}?q=token:{first}") < everything
    assert found(admin_client, f"{url}?q=token.issue") == everything
    assert found(admin_client, f"{url}?q=ann@example.org") == everything
    assert found(admin_client, f"{url}?q=token") == set()
    assert found(admin_client, f"{url}?who_kind=person&via=admin") == everything
    row = AuditRow.objects.get(subject=f"token:{second}")
    assert b"192.0.2.7" in admin_client.get(f"{url}{row.pk}/change/").content
    assert admin_client.post(f"{url}{row.pk}/change/", {"action": "x"}).status_code == 403
    assert admin_client.post(f"{url}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.post(f"{url}add/", {}).status_code == 403
    form = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    admin_client.post(url, form)
    assert AuditRow.objects.count() == 2


PAYMENTS = "/admin/gateway/payment/"


def test_payments_are_there_to_look_at(admin_client: Client) -> None:
    row, _ = claims.claim(wanted("challenge-9", fingerprint="CANARY", idempotency="CANARY"))
    claims.settle(row.pk, Settled("pi_9"))
    claims.claim(wanted("challenge-8"))
    for query in ("", "?status__exact=settled", "?q=pi_9", f"?q={row.pk}", "?q=challenge-9"):
        assert str(row.pk) in found(admin_client, PAYMENTS + query), query
    assert found(admin_client, PAYMENTS + "?q=nothing") == set()
    page = admin_client.get(f"{PAYMENTS}{row.pk}/change/").content.decode()
    assert "pi_9" in page and "CANARY" not in page
    for path in ("add/", f"{row.pk}/delete/"):
        assert admin_client.get(PAYMENTS + path).status_code == 403
