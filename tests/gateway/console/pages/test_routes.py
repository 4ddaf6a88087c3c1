"""`/console/routes/`: chains are reordered, and where a call would go stands beside them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from gateway.console.pages.routes import moved, places_of
from gateway.kernel.asking import BadParameter
from gateway.models import AuditRow
from providers import route_services, services
from providers.models import Route
from tests.gateway.console.pages.people import browser
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db
PATH = "/console/routes/"
ACTIONS: dict[str, dict[str, str]] = {
    f"{PATH}save/": {"model": "new", "provider": "a"},
    f"{PATH}order/": {"model": "m-*", "place": "1", "do": "up"},
    f"{PATH}place/": {"model": "m-*", "provider": "b", "upstream_model": "z"},
    f"{PATH}remove/": {"model": "m-*", "sure": "on"},
}


@pytest.fixture(autouse=True)
def one_route(options: Any, tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path, CLAUDE_CODE_HOME=str(tmp_path / "none"))
    for name in ("a", "b"):
        services.upsert({"name": name, "base_url": f"http://{name}.test/v1"}, principal=SOMEBODY)
    route = {"model": "m-*", "provider": "a", "fallbacks": [{"provider": "b", "model": "y"}]}
    route_services.upsert(route, principal=SOMEBODY)


def places() -> list[tuple[str, str]]:
    return places_of(Route.objects.get(model="m-*"))


@pytest.mark.parametrize("url", ACTIONS)
@pytest.mark.parametrize(
    ("role", "may"), [("viewer", False), ("operator", True), ("admin", True), (None, False)]
)
def test_each_role_and_each_action(role: str | None, may: bool, url: str) -> None:
    before = AuditRow.objects.count()
    assert browser(role).post(url, ACTIONS[url]).status_code == (302 if may else 403)
    assert AuditRow.objects.count() == before + may


def test_a_viewer_has_no_buttons() -> None:
    page = browser("viewer").get(PATH).content.decode().split("<main")[1]
    assert 'data-model="m-*"' in page and 'method="post"' not in page and "b</a> as y" in page


def test_a_chain_is_reordered_and_where_a_call_goes_follows() -> None:
    client = browser("operator")
    asked = "?ask=m-1&surface=chat_completions"

    def told() -> list[str]:
        return re.findall("<li><b>(.)</b>", client.get(f"{PATH}{asked}").content.decode())

    assert told() == ["a", "b"]
    answer = client.post(f"{PATH}order/{asked}", {"model": "m-*", "place": "1", "do": "up"})
    assert answer["Location"] == f"{PATH}{asked}#{Route.objects.get().pk}"
    assert places() == [("b", "y"), ("a", "")] and told() == ["b", "a"]
    client.post(f"{PATH}place/", {"model": "m-*", "provider": "a", "upstream_model": "other"})
    client.post(f"{PATH}order/", {"model": "m-*", "place": "1", "do": "drop"})
    assert places() == [("b", "y"), ("a", "other")]
    assert {row.action for row in AuditRow.objects.filter(via="console")} == {"route.change"}


def test_a_call_that_goes_nowhere_is_told_why() -> None:
    page = browser("viewer").get(f"{PATH}?ask=nothing-known&surface=chat_completions").content.decode()
    assert 'data-test="chain"' in page and "does not exist" in page
    assert browser("viewer").get(f"{PATH}?ask=m&surface=x").status_code == 200


def test_routes_are_added_changed_and_removed() -> None:
    client = browser("operator")
    client.post(f"{PATH}save/", {"model": "new", "provider": "a", "upstream_model": "n", "listed": "on"})
    assert Route.objects.get(model="new").is_listed
    sent = {"was": "m-*", "model": "m-*", "provider": "b", "priority": "", "display_name": "M"}
    client.post(f"{PATH}save/", sent)
    row = Route.objects.get(model="m-*")
    assert (row.provider, row.display_name, row.priority, row.is_listed) == ("b", "M", 100, False)
    assert row.fallbacks == [{"provider": "b", "model": "y"}]
    assert 'value="M"' in client.get(f"{PATH}?route=m-*").content.decode()
    assert client.post(f"{PATH}remove/", {"model": "new"}).status_code == 400
    assert client.post(f"{PATH}remove/", {"model": "new", "sure": "on"}).status_code == 302
    assert not Route.objects.filter(model="new").exists()


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"model": "m-*", "provider": "a"}, "already"),
        ({"model": "", "provider": "a"}, "required"),
        ({"model": "x", "provider": "no name"}, "ASCII letters"),
        ({"model": "x", "provider": "a", "colour": "red"}, "unknown field"),
    ],
)
def test_a_mistake_is_told(sent: dict[str, str], words: str) -> None:
    answer = browser("operator").post(f"{PATH}save/", sent)
    assert answer.status_code == 400 and words in answer.content.decode() and Route.objects.count() == 1


def test_what_there_is_not() -> None:
    client = browser("operator")
    for url, sent in ACTIONS.items():
        if not url.endswith("save/"):
            assert client.post(url, {**sent, "model": "nobody"}).status_code == 404
    assert client.post(f"{PATH}save/", {"was": "nobody", "model": "x", "provider": "a"}).status_code == 404
    assert client.get(f"{PATH}?route=nobody").status_code == 404
    assert client.post(f"{PATH}order/", {"model": "m-*", "place": "9", "do": "up"}).status_code == 400


def test_places_move_within_the_chain() -> None:
    chain = [("a", ""), ("b", ""), ("c", "")]
    assert moved(chain, 0, "up") == chain and moved(chain, 2, "down") == chain
    assert moved(chain, 0, "down") == [("b", ""), ("a", ""), ("c", "")]
    for place, how in ((None, "up"), (3, "up"), (0, "sideways")):
        with pytest.raises(BadParameter):
            moved(chain, place, how)
    with pytest.raises(BadParameter):
        moved([("a", "")], 0, "drop")
