"""The chain that a call would take, in words for people."""

from __future__ import annotations

import pytest

from providers import services
from providers.catalog.chains import DIALECTS, chain
from providers.catalog.live import catalog_to_show
from providers.catalog.records import Want
from providers.errors import BadRoute, UnknownModel
from tests.principals import SOMEBODY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]


@pytest.mark.parametrize("surface", DIALECTS)
def test_what_is_told_is_what_the_road_would_do(surface: str) -> None:
    services.upsert({"name": "p", "base_url": "http://p", "models": ["m"]}, principal=SOMEBODY)
    told = chain("m", surface)
    assert (told["model"], told["surface"]) == ("m", surface)
    routes = catalog_to_show().routes(Want(DIALECTS[surface], "m"))
    assert [
        (step["provider"], step["dialect"], step["model"], step["is_probe"]) for step in told["chain"]
    ] == [(route.provider.name, route.dialect, route.target.model, route.is_probe) for route in routes]
    assert all(step["reason"] == "its list names the model" for step in told["chain"])


def test_what_can_not_be_told() -> None:
    with pytest.raises(BadRoute):
        chain("m", "nothing")
    with pytest.raises(UnknownModel):
        chain("gtp-4o", "chat_completions")


def test_as_for_a_token_that_is_tied() -> None:
    services.upsert({"name": "p", "base_url": "http://p"}, principal=SOMEBODY)
    assert [step["provider"] for step in chain("claude-x", provider="p")["chain"]] == ["p"]
