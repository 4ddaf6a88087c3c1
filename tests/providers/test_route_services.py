"""Routes and the model map: what is taken, what is refused, and that each change counts."""

from __future__ import annotations

import pytest

from providers import revisions, route_services
from providers.errors import BadRoute, UnknownRoute
from providers.models import ModelMap
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_upsert_replaces_a_change_does_not() -> None:
    before = revisions.current()
    row = route_services.upsert(
        {
            "model": " m ", "provider": "p", "upstream_model": "u", "priority": 3, "listed": False,
            "display_name": "D", "fallbacks": [{"provider": "q"}, {"provider": "r", "model": "x"}],
        }
    , principal=SOMEBODY)  # fmt: skip
    assert (row.model, row.fallbacks) == (
        "m",
        [{"provider": "q", "model": ""}, {"provider": "r", "model": "x"}],
    )
    changed = route_services.change("m", {"priority": 5, "upstream_model": None}, principal=SOMEBODY)
    assert (changed.priority, changed.upstream_model, changed.display_name) == (5, "", "D")
    replaced = route_services.upsert({"model": "m", "provider": "p2"}, principal=SOMEBODY)
    assert replaced.pk == row.pk
    assert (replaced.provider, replaced.priority, replaced.is_listed, replaced.fallbacks) == (
        "p2",
        100,
        True,
        [],
    )
    assert revisions.current() == before + 3


def test_a_route_may_be_renamed_but_not_onto_another() -> None:
    for model in ("a", "b"):
        route_services.upsert({"model": model, "provider": "p"}, principal=SOMEBODY)
    assert route_services.change("a", {"model": "c"}, principal=SOMEBODY).model == "c"
    with pytest.raises(BadRoute):
        route_services.change("c", {"model": "b"}, principal=SOMEBODY)
    assert [row.model for row in route_services.listed()] == ["b", "c"]


@pytest.mark.parametrize(
    "bad",
    [
        {"model": ""},
        {"provider": ""},
        {"provider": "b ad"},
        {"unknown": 1},
        {"priority": "1"},
        {"listed": 1},
        {"upstream_model": "a\nb"},
        {"fallbacks": {}},
        {"fallbacks": ["p"]},
        {"fallbacks": [{"provider": "p", "extra": 1}]},
        {"fallbacks": [{"model": "m"}]},
        {"fallbacks": [{"provider": "p"}] * 17},
        {"display_name": "d" * 256},
    ],
)
def test_what_is_refused(bad: dict[str, object]) -> None:
    before = revisions.current()
    with pytest.raises(BadRoute):
        route_services.upsert({"model": "m", "provider": "p", **bad}, principal=SOMEBODY)
    assert revisions.current() == before


def test_unknown_routes() -> None:
    with pytest.raises(UnknownRoute):
        route_services.get("nobody")
    for act in (route_services.remove, route_services.remove_mapping):
        with pytest.raises(UnknownRoute):
            act("nobody", principal=SOMEBODY)
    with pytest.raises(UnknownRoute):
        route_services.change("nobody", {}, principal=SOMEBODY)


def test_the_model_map_is_edited() -> None:
    route_services.put_mapping("gpt-z", "claude-a", principal=SOMEBODY)
    row = route_services.put_mapping("gpt-z", "claude-b", 7, principal=SOMEBODY)
    assert (row.target, row.position, ModelMap.objects.filter(pattern="gpt-z").count()) == ("claude-b", 7, 1)
    with pytest.raises(BadRoute):
        route_services.put_mapping("gpt-z", "", principal=SOMEBODY)
    route_services.remove_mapping("gpt-z", principal=SOMEBODY)
    assert not ModelMap.objects.filter(pattern="gpt-z").exists()
