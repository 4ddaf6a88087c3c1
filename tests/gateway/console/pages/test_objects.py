"""`/console/objects/`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from gateway.models import StoredObjectRow
from tests.gateway.console.pages.people import browser

pytestmark = pytest.mark.django_db
PATH = "/console/objects/"
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)


def made(name: str, minutes: int = 0, **values: str) -> None:
    given = {"kind": "batch", "provider": "anthropic", "account": "a", "token_id": "t", **values}
    StoredObjectRow.objects.create(id=name, made_at=NOON + timedelta(minutes=minutes), **given)


def ids(page: str) -> list[str]:
    return re.findall(r'data-test="record" data-id="([^"]+)"', page)


def test_they_are_listed_newest_first_with_links_to_whose_they_are() -> None:
    made("old")
    made("new", 5, kind="file", account="")
    client = browser("viewer")
    page = client.get(PATH).content.decode()
    assert ids(page) == ["new", "old"] and "its own key" in page
    assert "/console/accounts/a/" in page and "/console/requests/?token=t" in page
    for query, found in (("q=old", ["old"]), ("kind=file", ["new"]), ("account=a", ["old"]), ("token=x", [])):
        assert ids(client.get(f"{PATH}?{query}").content.decode()) == found


def test_pages_lead_on_also_among_those_of_one_moment() -> None:
    for number in range(51):
        made(f"id-{number:02}")
    client = browser("viewer")
    page = client.get(PATH).content.decode()
    older = re.search(r'href="([^"]*)" rel="next"', page)
    assert older is not None
    assert ids(client.get(older[1].replace("&amp;", "&")).content.decode()) == ["id-00"]
    assert client.get(f"{PATH}?after=x").status_code == 400
