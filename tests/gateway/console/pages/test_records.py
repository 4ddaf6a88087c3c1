"""Lists of rows: each role, their links, and features that are off."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from accounts import services as accounts
from accounts.models import Account
from forgefed import following
from forgefed.models import Delivery, RemoteHost
from gateway.console.pages.records import moment, portion, tabs
from gateway.models import StoredObjectRow
from providers import route_services
from tests.gateway.console.pages.people import browser, serve
from tests.principals import SOMEBODY
from tests.sign_ins import person, sign_in
from tokens.signin.models import SignIn

pytestmark = pytest.mark.django_db
EVIL = "<script>alert(1)</script>\"'><img src=x>"
PAGES = (
    "/console/signins/",
    "/console/objects/",
    "/console/payments/",
    *(f"/console/federation/?list={name}" for name in ("deliveries", "followers", "following", "servers")),
)


@pytest.fixture(autouse=True)
def nothing_of_this_machine(options: Any, tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path, CLAUDE_CODE_HOME=str(tmp_path / "none"))


@pytest.mark.parametrize("url", PAGES)
def test_each_role_sees_them_and_developers_do_not(url: str) -> None:
    seen = {role: browser(role).get(url).status_code for role in ("viewer", "operator", "admin", None)}
    assert seen == {"viewer": 200, "operator": 200, "admin": 200, None: 403}
    assert browser("developer", is_staff=False).get(url).status_code == 403


@pytest.mark.parametrize("url", PAGES)
def test_they_take_few_queries_and_name_what_they_do_not_know(
    url: str, django_assert_max_num_queries: Any
) -> None:
    serve()
    client = browser()
    client.get(url)
    with django_assert_max_num_queries(12):
        assert client.get(url).status_code == 200
    mark = "&" if "?" in url else "?"
    assert client.get(f"{url}{mark}colour=red").status_code == 400
    assert client.get(f"{url}{mark}q=nothing").status_code == 200


def test_a_feature_that_is_off_has_no_entry(options: Any) -> None:
    assert [each["name"] for each in tabs("objects")] == ["signins", "objects", "federation"]
    options(MPP_ENABLE=True)
    assert "payments" in [each["name"] for each in tabs("objects")]


def test_times_are_told_with_the_exact_one_behind() -> None:
    assert moment(None).text == "–"
    told = moment(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert (told.text, told.title) == ("02 Jan 2026 03:04", "2026-01-02T03:04:05Z")
    assert moment(0.0).title == "1970-01-01T00:00:00Z"


def test_a_page_says_whether_there_are_more() -> None:
    assert portion(range(51)) == (list(range(50)), True)
    assert portion(range(50)) == (list(range(50)), False)


def test_words_of_strangers_are_no_markup(settings: Any) -> None:
    settings.ACTOR_BASE_URL = "https://gw.example"
    following.follow("https://a.example/u", SOMEBODY)
    Delivery.objects.update(last_error=EVIL, recipient=EVIL, host=EVIL)
    RemoteHost.objects.create(host=EVIL)
    StoredObjectRow.objects.create(
        id=EVIL, kind=EVIL, provider=EVIL, account=EVIL, token_id=EVIL, made_at=datetime.now(UTC)
    )
    token = sign_in(person())
    SignIn.objects.filter(pk=token.sign_in_id).update(client=EVIL)
    route_services.upsert({"model": EVIL, "provider": "a", "upstream_model": EVIL}, principal=SOMEBODY)
    row = accounts.add({"name": "a", "source": "api_key", "secret": "s"}, principal=SOMEBODY)
    Account.objects.filter(pk=row.pk).update(last_error=EVIL)
    client = browser()
    for url in (
        *PAGES,
        "/console/routes/",
        f"/console/routes/?{urlencode({'ask': EVIL})}",
        "/console/accounts/a/",
    ):
        page = client.get(url).content.decode()
        assert "<script>" not in page and "<img" not in page
