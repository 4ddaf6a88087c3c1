"""The order of routes: route rows, models' lists, Anthropic's names, the boot provider."""

from __future__ import annotations

from dataclasses import replace

import pytest

from providers.catalog.records import ANTHROPIC, MapRecord, ProviderRecord, RouteRecord, Want
from providers.drivers.table import DRIVERS
from providers.errors import NoRoute, UnknownModel
from providers.routing import View
from tests.providers.building import CLAUDE, compatible, router, view, want

CHAT, RESPONSES = "openai_chat", "openai_responses"


def places(
    view: View, want: Want, served: bool = True, lacks: bool = False
) -> list[tuple[str, str, str | None]]:
    found = router(served, lacks).routes(view, want)
    assert all(route.target.provider == route.provider.name for route in found)
    return [(route.provider.name, route.dialect, route.target.model) for route in found]


def test_a_route_row_goes_first() -> None:
    row = RouteRecord("gpt-x", (("b", "real-x"), ("a", "")))
    seen = view(compatible("a", "gpt-x"), compatible("b"), routes=[row])
    assert places(seen, want("gpt-x")) == [("b", CHAT, "real-x"), ("a", CHAT, "gpt-x")]


def test_the_better_route_row_decides() -> None:
    rows = [
        RouteRecord("gpt-*", (("a", ""),)),
        RouteRecord("gpt-x*", (("b", ""),)),
        RouteRecord("gpt-xy", (("c", ""),)),
        RouteRecord("*", (("d", ""),), priority=200),
        RouteRecord("top-*", (("d", ""),), priority=1),
        RouteRecord("top-secret", (("a", ""),)),
    ]
    seen = view(*(compatible(name) for name in "abcd"), routes=rows)
    found = {
        model: places(seen, want(model))[0][0] for model in ("gpt-1", "gpt-x1", "gpt-xy", "zz", "top-secret")
    }
    assert found == {"gpt-1": "a", "gpt-x1": "b", "gpt-xy": "c", "zz": "d", "top-secret": "d"}


def test_providers_that_are_not_there_are_passed_over() -> None:
    rows = [RouteRecord("m", (("gone", ""), ("b", "m2"))), RouteRecord("m*", (("gone", ""),))]
    seen = view(compatible("b"), routes=rows)
    assert places(seen, want("m")) == [("b", CHAT, "m2")]
    assert places(seen, want("mm"))[0][0] == ANTHROPIC


def test_then_the_providers_whose_lists_name_the_model() -> None:
    seen = view(compatible("a", "x", priority=2), compatible("b", "x", priority=1), compatible("c", "y"))
    assert places(seen, want("x", CHAT)) == [("b", CHAT, "x"), ("a", CHAT, "x")]


@pytest.mark.parametrize("model", ["claude-x", "CLAUDE-X", "anthropic.claude", "anthropic/claude"])
def test_then_anthropics_names_to_anthropic(model: str) -> None:
    assert DRIVERS["anthropic"].claims(model)
    other = compatible("boot")
    seen = view(other, boot=other)
    assert places(seen, want(model)) == [(ANTHROPIC, ANTHROPIC, model)]
    assert places(seen, want(model), served=False) == [("boot", CHAT, model)]


def test_then_the_boot_provider_with_the_name_as_it_is() -> None:
    assert places(view(), want("whatever")) == [(ANTHROPIC, ANTHROPIC, "whatever")]
    other = compatible("boot")
    assert places(view(other, boot=other), want("whatever")) == [("boot", CHAT, "whatever")]
    with pytest.raises(NoRoute, match="gonka"):
        router().routes(view(boot=None, boot_problem="gonka"), want("whatever"))


def test_a_call_without_a_model_gets_the_providers_default() -> None:
    other = compatible("boot", default_model="m")
    seen = view(other, boot=other)
    assert places(seen, want(None, CHAT)) == [("boot", CHAT, "m")]
    assert places(seen, want("", CHAT)) == [("boot", CHAT, "m")]
    assert places(view(), want(None)) == [(ANTHROPIC, ANTHROPIC, None)]


MAP = (
    MapRecord("gpt-4o-mini", "claude-haiku"),
    MapRecord("gpt-4o-20*", "claude-sonnet"),
    MapRecord("*", "claude-last"),
)


@pytest.mark.parametrize("dialect", [CHAT, RESPONSES])
def test_openai_surfaces_on_anthropic_go_through_the_model_map(dialect: str) -> None:
    seen = view(model_map=MAP)
    assert places(seen, want("Claude-Mixed", dialect))[0][2] == "Claude-Mixed"
    assert places(seen, want("GPT-4o-mini", dialect))[0][2] == "claude-haiku"
    assert places(seen, want("gpt-4o-2024-08-06", dialect))[0][2] == "claude-sonnet"
    with pytest.raises(UnknownModel):
        places(seen, want("gpt-9", dialect))
    assert places(replace(seen, maps_unknown=True), want("gpt-9", dialect))[0][2] == "claude-last"


def test_a_route_or_a_list_names_the_model_instead_of_the_map() -> None:
    seen = view(model_map=MAP, routes=[RouteRecord("gpt-9", ((ANTHROPIC, "claude-z"),))])
    assert places(seen, want("gpt-9", CHAT))[0][2] == "claude-z"
    claude = ProviderRecord("eu", ANTHROPIC, "https://eu", models=("in-house",))
    assert places(view(claude), want("in-house", CHAT)) == [("eu", ANTHROPIC, "in-house")]


def test_a_step_that_knows_no_such_model_is_left_out_of_the_chain() -> None:
    seen = view(compatible("b"), routes=[RouteRecord("gpt-9", ((ANTHROPIC, ""), ("b", "")))])
    assert places(seen, want("gpt-9", CHAT)) == [("b", CHAT, "gpt-9")]


def test_a_token_tied_to_a_provider_goes_there_or_nowhere() -> None:
    row = RouteRecord("m", (("a", "am"), ("b", "bm")))
    seen = view(compatible("a"), compatible("b"), routes=[row])
    assert places(seen, want("m", provider="b")) == [("b", CHAT, "bm")]
    assert places(seen, want("claude-x", provider="a")) == [("a", CHAT, "claude-x")]
    for missing in ("gone", "A"):
        with pytest.raises(NoRoute):
            places(seen, want("m", provider=missing))
    with pytest.raises(NoRoute):
        places(seen, want("m", CHAT, provider=ANTHROPIC, is_forward=True))


def test_forwarded_paths_go_to_openai_compatible_providers_only() -> None:
    with pytest.raises(NoRoute):
        places(view(), want("text-embedding-3", CHAT, is_forward=True))
    seen = view(compatible("b", priority=2), compatible("c", "emb", priority=3))
    assert places(seen, want("claude-x", CHAT, is_forward=True)) == [("b", CHAT, "claude-x")]
    assert places(seen, want("emb", CHAT, is_forward=True)) == [("c", CHAT, "emb")]
    boot = compatible("z", priority=9)
    assert places(view(compatible("b"), boot, boot=boot), want(None, CHAT, is_forward=True))[0][0] == "z"


def test_anthropics_own_paths_go_to_anthropic() -> None:
    boot = compatible("boot")
    seen = view(boot, boot=boot)
    assert places(seen, want(None, is_native=True)) == [(ANTHROPIC, ANTHROPIC, None)]
    assert places(seen, want(None, is_native=True, provider=ANTHROPIC))[0][0] == ANTHROPIC
    with pytest.raises(NoRoute):
        places(seen, want(None, is_native=True, provider="boot"))
    eu = ProviderRecord("eu", ANTHROPIC, "https://eu")
    without = View({"eu": eu}, None)
    assert places(without, want(None, is_native=True))[0][0] == "eu"


def test_responses_are_native_translated_or_found_out() -> None:
    def languages(word: str, lacks: bool = False, dialect: str = RESPONSES) -> list[tuple[str, bool]]:
        seen = view(compatible("b", "m", responses=word))
        found = router(lacks=lacks).routes(seen, want("m", dialect))
        return [(route.dialect, route.is_probe) for route in found]

    assert languages("native") == [(RESPONSES, False)]
    assert languages("translate") == [(CHAT, False)]
    assert languages("auto") == [(RESPONSES, True), (CHAT, False)]
    assert languages("auto", lacks=True) == [(CHAT, False)]
    assert languages("auto", dialect=CHAT) == languages("auto", dialect=ANTHROPIC) == [(CHAT, False)]
    for dialect in (CHAT, ANTHROPIC, RESPONSES):
        assert languages("only", dialect=dialect) == [(RESPONSES, False)]


def test_a_forwarded_path_is_never_translated() -> None:
    seen = view(compatible("b", "m", responses="only"))
    assert [route.dialect for route in router().routes(seen, want("m", CHAT, is_forward=True))] == [CHAT]


def test_reasons_are_told() -> None:
    steps = router().steps(view(routes=[RouteRecord("m", ((ANTHROPIC, ""),))]), want("m"))
    assert [(step.provider, step.reason, step.model) for step in steps] == [(CLAUDE, "route m", None)]


def only(view: View, want: Want, served: bool = True) -> str | None:
    found = router(served).only(view, want)
    return None if found is None else found.provider.name


def test_where_everything_goes_whatever_it_says() -> None:
    native = compatible("native", responses="native")
    assert only(view(), want(None)) == ANTHROPIC
    assert only(view(), want(None, CHAT)) is None  # translated
    assert only(view(compatible("a"), boot=CLAUDE), want(None)) == ANTHROPIC  # nothing leads there
    assert only(view(compatible("a", "x")), want(None)) is None
    assert only(view(routes=[RouteRecord("x", ((ANTHROPIC, "y"),))]), want(None)) is None
    assert only(view(native, boot=native), want(None, CHAT), served=False) == "native"
    assert only(view(native, boot=native), want(None, CHAT)) is None  # Anthropic's names go elsewhere
    assert only(view(native, boot=native), want(None, RESPONSES), served=False) == "native"
    assert (
        only(view(compatible("a"), boot=compatible("a")), want(None, RESPONSES), served=False) is None
    )  # a probe
    filling = compatible("a", default_model="m")
    assert only(view(filling, boot=filling), want(None, CHAT), served=False) is None
    assert only(view(boot=None), want(None), served=False) is None


def test_where_a_tied_token_or_a_forwarded_path_goes() -> None:
    a, b = compatible("a", "x"), compatible("b", "y")
    assert only(view(a, b), want(None, CHAT, provider="a")) == "a"
    assert only(view(a, b), want(None, provider=ANTHROPIC)) == ANTHROPIC
    assert only(view(a, b), want(None, CHAT, provider="gone")) is None
    assert only(view(a), want(None, CHAT, is_forward=True)) == "a"
    assert only(view(a, b), want(None, CHAT, is_forward=True)) is None
