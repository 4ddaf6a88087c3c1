"""`/console/prices/`: what models cost, and those of which nobody knows it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.models import AuditRow, PriceRow
from gateway.usage.prices import services
from tests.gateway.console.pages.people import browser
from tests.gateway.usage.prices.test_missing import refused
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db
PATH = "/console/prices/"
ACTIONS: dict[str, dict[str, str]] = {
    f"{PATH}save/": {"model": "new-one", "input": "1.25", "output": "10"},
    f"{PATH}remove/": {"model": "own", "sure": "on"},
}


@pytest.fixture(autouse=True)
def one_price() -> None:
    services.put("own", input="1", output="2", principal=SOMEBODY)


@pytest.mark.parametrize("url", ACTIONS)
@pytest.mark.parametrize(
    ("role", "may"), [("viewer", False), ("operator", True), ("admin", True), (None, False)]
)
def test_each_role_and_each_action(role: str | None, may: bool, url: str) -> None:
    before = AuditRow.objects.count()
    assert browser(role).post(url, ACTIONS[url]).status_code == (302 if may else 403)
    assert AuditRow.objects.count() == before + may


def test_a_viewer_looks_only() -> None:
    page = browser("viewer").get(PATH).content.decode().split("<main")[1]
    assert 'data-test="price"' in page and 'method="post"' not in page


def test_what_has_no_price_says_how_often_it_refused_and_gets_one() -> None:
    for _ in range(3):
        refused()
    client = browser("operator")
    page = client.get(PATH).content.decode()
    assert 'data-test="without-price"' in page and "refused 3 times" in page
    assert f"{PATH}?model=new-one#price" in page
    assert 'name="model" value="new-one"' in client.get(f"{PATH}?model=new-one").content.decode()
    client.post(f"{PATH}save/", ACTIONS[f"{PATH}save/"])
    assert PriceRow.objects.get(model="new-one").input == Decimal("1.25")


def test_a_price_is_changed_and_what_is_empty_stays() -> None:
    client = browser("operator")
    assert 'value="2"' in client.get(f"{PATH}?model=own").content.decode()
    sent = {
        "model": "own",
        "provider": "",
        "input": "3",
        "output": "",
        "cache_read": "0.1",
        "max_output": "9",
    }
    assert client.post(f"{PATH}save/?q=own", sent)["Location"] == f"{PATH}?q=own"
    row = PriceRow.objects.get(model="own")
    assert (row.input, row.output, row.cache_read, row.max_output) == (3, 2, Decimal("0.1"), 9)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"model": "x", "input": "much", "output": "1"}, "decimal string"),
        ({"model": "x", "input": "1"}, "must be given"),
        ({"model": "", "input": "1", "output": "1"}, "must be given"),
        ({"model": "x", "input": "1", "output": "1", "colour": "red"}, "unknown field"),
    ],
)
def test_a_mistake_is_told(sent: dict[str, str], words: str) -> None:
    answer = browser("operator").post(f"{PATH}save/", sent)
    assert answer.status_code == 400 and words in answer.content.decode()
    assert not PriceRow.objects.filter(model="x").exists()


def test_removing_asks_first_and_unknown_ones_are_not_there() -> None:
    client = browser("operator")
    assert client.post(f"{PATH}remove/", {"model": "own"}).status_code == 400
    assert client.post(f"{PATH}remove/", {"model": "nobody", "sure": "on"}).status_code == 404
    assert client.post(f"{PATH}remove/", {"model": "own", "sure": "on"}).status_code == 302


def test_lists_are_searched() -> None:
    page = browser("viewer").get(f"{PATH}?q=own").content.decode()
    assert page.count('data-test="price"') == 1
