"""`/console/federation/`: lists, and what an admin does with their rows."""

from __future__ import annotations

import re
from typing import Any

import pytest

from forgefed import deliveries, following
from forgefed.models import Delivery, DeliveryState, Following, RemoteHost
from gateway.models import AuditRow
from tests.gateway.console.pages.people import browser
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db
PATH = "/console/federation/"
ACTOR = "https://a.example/u"


@pytest.fixture(autouse=True)
def one_of_each(settings: Any) -> None:
    settings.ACTOR_BASE_URL = "https://gw.example"
    following.follow(ACTOR, SOMEBODY)
    Delivery.objects.update(state=DeliveryState.FAILED, last_error="away")
    RemoteHost.objects.create(host="b.example")


def actions() -> dict[str, dict[str, str]]:
    return {
        f"{PATH}retry/{Delivery.objects.get().pk}/": {},
        f"{PATH}follow/": {"uri": "https://c.example/u"},
        f"{PATH}unfollow/{Following.objects.get().pk}/": {},
        f"{PATH}block/{RemoteHost.objects.get(host='b.example').pk}/": {},
    }


@pytest.mark.parametrize(
    ("role", "may"), [("viewer", False), ("operator", False), ("admin", True), (None, False)]
)
def test_each_role_and_each_action(role: str | None, may: bool) -> None:
    client = browser(role)
    for url, sent in actions().items():
        assert client.post(url, sent).status_code == (302 if may else 403), url
    done = AuditRow.objects.filter(via="console").order_by("id").values_list("action", flat=True)
    assert list(done) == [f"federation.{word}" for word in ("retry", "follow", "unfollow", "block")] * may


def test_lists_have_what_may_be_done_and_lead_to_each_other() -> None:
    admin, viewer = browser(), browser("viewer")
    for name, hook in (("deliveries", "retry"), ("following", "unfollow"), ("servers", "block")):
        page = admin.get(f"{PATH}?list={name}").content.decode()
        assert page.count('data-test="record"') == 1 and f'data-test="{hook}"' in page
        assert f'data-test="{hook}"' not in viewer.get(f"{PATH}?list={name}").content.decode()
        urls = re.findall(r'href="(/console/federation/[^"]*)"', page)
        assert {admin.get(url.replace("&amp;", "&")).status_code for url in urls} == {200}
    assert 'data-test="follow"' in admin.get(f"{PATH}?list=following").content.decode()


def test_a_failed_delivery_is_tried_again() -> None:
    client = browser()
    page = client.get(f"{PATH}?state=failed&q=a.example").content.decode()
    assert "away" in page and 'data-test="retry"' in page
    client.post(f"{PATH}retry/{Delivery.objects.get().pk}/")
    assert Delivery.objects.get().state == DeliveryState.WAITING and len(deliveries.claim()) == 1


def test_servers_are_blocked_and_let_in_again() -> None:
    client, pk = browser(), RemoteHost.objects.get(host="b.example").pk
    client.post(f"{PATH}block/{pk}/")
    assert RemoteHost.objects.get(pk=pk).is_blocked
    assert b'data-test="unblock"' in client.get(f"{PATH}?list=servers").content
    client.post(f"{PATH}unblock/{pk}/")
    assert not RemoteHost.objects.get(pk=pk).is_blocked


def test_what_can_not_be_asked_or_is_not_there() -> None:
    client = browser()
    for query in ("list=x", "state=x", "after=x", "list=servers&state=failed"):
        assert client.get(f"{PATH}?{query}").status_code == 400
    for word in ("retry", "unfollow", "block"):
        assert client.post(f"{PATH}{word}/999999/").status_code == 404
    answer = client.post(f"{PATH}follow/", {"uri": "nobody"}, follow=True)
    assert b"not an address" in answer.content
