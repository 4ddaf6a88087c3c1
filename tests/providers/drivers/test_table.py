"""The table of kinds: one driver each, made anew for every event loop."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import httpx
import pytest

from providers.drivers import table
from providers.drivers.openai_compatible import OpenAiCompatibleDriver
from providers.drivers.table import DEFAULT_KIND, DRIVERS, KINDS, REFERENCE_KINDS, DriverSet


class Engine(OpenAiCompatibleDriver):
    """A kind with an engine of its own."""

    kind = "engine"

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.own = httpx.MockTransport(lambda request: httpx.Response(200))

    def transport(self, shared: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        return self.own

    async def start(self) -> None:
        self.steps.append("start")

    async def aclose(self) -> None:
        self.steps.append("aclose")


def test_every_kind_is_there_once() -> None:
    assert list(DRIVERS) == [kind.kind for kind in KINDS]
    assert len(set(DRIVERS)) == len(KINDS)


async def test_a_set_has_drivers_of_its_own_and_starts_and_closes_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(table, "KINDS", (*KINDS, Engine))
    shared = httpx.AsyncHTTPTransport()
    one, other = DriverSet(shared), DriverSet(shared)
    engine = one.drivers["engine"]
    assert isinstance(engine, Engine) and engine is not other.drivers["engine"]
    assert one.transports["anthropic"] is shared and one.transports["engine"] is engine.own
    await one.start()
    await one.aclose()
    assert engine.steps == ["start", "aclose"]
    assert other.drivers["engine"].steps == []  # type: ignore[attr-defined]
    await shared.aclose()


def test_the_reference_knows_one_kind_and_drivers_over_it_are_none_of_its() -> None:
    assert set(REFERENCE_KINDS) == {DEFAULT_KIND} <= set(DRIVERS)
    assert Engine.kind not in REFERENCE_KINDS
    assert REFERENCE_KINDS[DEFAULT_KIND] in DRIVERS[DEFAULT_KIND].words  # so that it is taken on input, too


ASKED = re.compile(r"(?i)kind|provider")
"""What else is compared may be a dialect, or a word in a body."""
CONSTANTS = ("ANTHROPIC", "OPENAI_COMPATIBLE", "GONKA")
MAY_COMPARE = {
    "accounts/validation.py": "logins that are refreshed belong to the provider of that name",
    "gateway/config/checks.py": "UPSTREAM_PROVIDER and the options that go with it",
    "gateway/config/reading.py": "UPSTREAM_PROVIDER and the options that go with it",
    "providers/catalog/store.py": "UPSTREAM_PROVIDER and the options that go with it",
}


def compares_kind(tree: ast.AST) -> bool:
    """Tell whether anything is compared with, or looked up by, the spelling of a provider's kind."""
    spelled = [
        side
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and ASKED.search(ast.unparse(node))
        for side in (node.left, *node.comparators)
    ]
    spelled += [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "kind"]
    return any(
        (isinstance(each, ast.Constant) and each.value in DRIVERS)
        or (isinstance(each, ast.Name | ast.Attribute) and ast.unparse(each).rpartition(".")[2] in CONSTANTS)
        for side in spelled
        for each in (side.elts if isinstance(side, ast.Tuple | ast.List | ast.Set) else (side,))
    )


def test_nobody_but_the_drivers_asks_for_a_provider_s_kind() -> None:
    apart = ("providers/drivers/", "providers/dialects/", "providers/translation/", "providers/gonka/")
    found = {
        str(path)
        for app in ("accounts", "providers", "gateway", "tokens")
        for path in sorted(Path(app).rglob("*.py"))
        if "migrations" not in path.parts and not str(path).startswith(apart)
        if compares_kind(ast.parse(path.read_text()))
    }
    assert found <= set(MAY_COMPARE), "say it in the driver"


@pytest.mark.parametrize(
    "source",
    ['x.kind == "anthropic"', "kind not in (ANTHROPIC, b)", "records.GONKA != kind", 'f(kind="gonka")'],
)
def test_such_questions_are_found(source: str) -> None:
    assert compares_kind(ast.parse(source))
    other = 'kind == word; render(404, "anthropic"); {"anthropic": 1}; skill["type"] == "anthropic"'
    assert not compares_kind(ast.parse(other))
