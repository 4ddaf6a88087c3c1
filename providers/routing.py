"""Which providers may serve a call, best first: the order of the house, over one immutable view of the rows.

(1) a matching route row; (2) the enabled providers whose `models` name the model; (3) `claude-*` / `anthropic*` →
Anthropic if it has an account or a key; (4) the boot provider. No IO but the environment, where keys may live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache

from providers.dialects.types import Target
from providers.errors import NoRoute, UnknownModel
from providers.models import Responses
from providers.records import (
    ANTHROPIC,
    MapRecord,
    ProviderRecord,
    Route,
    RouteRecord,
    Step,
    Want,
)

OPENAI_CHAT, OPENAI_RESPONSES = "openai_chat", "openai_responses"
FOREIGN_SURFACES = (OPENAI_CHAT, OPENAI_RESPONSES)
ANY = "*"
MAX_KNOWN = 1024  # models are named by clients

IsServed = Callable[[ProviderRecord], bool]
"""Whether the provider has an account, or a key of its own."""
Lacks = Callable[[ProviderRecord], bool]
"""Whether the provider is known to have no Responses API."""


@dataclass(frozen=True, eq=False)
class View:
    """What the rows and the boot settings said at one moment. `providers` holds the enabled ones."""

    providers: dict[str, ProviderRecord]
    boot: ProviderRecord | None
    routes: tuple[RouteRecord, ...] = ()  # in the order in which they are tried
    model_map: tuple[MapRecord, ...] = ()
    maps_unknown: bool = False  # UNKNOWN_MODEL=map
    boot_problem: str = "no provider serves this call"

    @cached_property
    def anthropics(self) -> tuple[ProviderRecord, ...]:
        """The providers of Anthropic's kind: the one of that name first."""
        first = self.providers.get(ANTHROPIC)
        others = (record for record in self.ordered() if record.kind == ANTHROPIC and record is not first)
        return (*others,) if first is None else (first, *others)

    @cached_property
    def probed(self) -> tuple[ProviderRecord, ...]:
        """Those of which it is to be found out whether they have a Responses API."""
        return tuple(record for record in self.providers.values() if record.responses == Responses.AUTO)

    def ordered(self) -> list[ProviderRecord]:
        """By priority, then by name."""
        return sorted(self.providers.values(), key=lambda record: (record.priority, record.name))

    def naming(self, model: str) -> list[ProviderRecord]:
        """The providers whose own list has this model."""
        return [record for record in self.ordered() if model in record.models]

    def mapped(self, model: str) -> str:
        """Anthropic's name for a model that an OpenAI client asks for. Raises `UnknownModel`."""
        lowered = model.lower()
        if lowered.startswith("claude-"):
            return model
        for entry in self.model_map:
            if (entry.pattern != ANY or self.maps_unknown) and fnmatchcase(lowered, entry.pattern.lower()):
                return entry.target
        raise UnknownModel(model)


class Router:
    """The order of the house. `is_served` and `lacks` are asked at each call, the rest is worked out once."""

    def __init__(self, is_served: IsServed, lacks: Lacks) -> None:
        self._is_served = is_served
        self._lacks = lacks
        self._known = lru_cache(MAX_KNOWN)(self._worked_out)  # what was raised is not kept

    def routes(self, view: View, want: Want) -> tuple[Route, ...]:
        """Where the call may go; never empty. Raises `NoRoute`, `UnknownModel`."""
        served = tuple(map(self._is_served, view.anthropics))
        lacking = tuple(map(self._lacks, view.probed)) if want.dialect == OPENAI_RESPONSES else ()
        return self._known(view, want, served, lacking)

    def _worked_out(
        self, view: View, want: Want, served: tuple[bool, ...], lacking: tuple[bool, ...]
    ) -> tuple[Route, ...]:
        """`served` and `lacking` are what may change without a row: they tell what is known from what is not."""
        found: list[Route] = []
        unknown: UnknownModel | None = None
        for step in self.steps(view, want):
            try:
                found += self._spoken(view, want, step)
            except UnknownModel as exc:
                unknown = unknown or exc
        if not found:
            raise unknown or NoRoute(view.boot_problem)
        return tuple(found)

    def steps(self, view: View, want: Want) -> Sequence[Step]:
        """The places in order, before any language is chosen. Raises `NoRoute`."""
        if want.is_native:
            return [self._native(view, want)]
        by_row = self._by_row(view, want)
        if by_row:
            return by_row
        if want.provider is not None:
            return [self._pinned(view, want)]
        naming = view.naming(want.model) if want.model else ()
        named = [Step(one, "its list names the model") for one in naming]
        named = [step for step in named if _fits(step.provider, want)]
        return named or [self._rest(view, want)]

    def _by_row(self, view: View, want: Want) -> list[Step]:
        for row in view.routes if want.model else ():
            if not row.matches(want.model or ""):
                continue
            steps = [
                Step(view.providers[name], f"route {row.model}", row.target(model, want.model or ""))
                for name, model in row.chain
                if name in view.providers
            ]
            steps = [step for step in steps if _fits(step.provider, want)]
            if steps:
                return steps
        return []

    def _pinned(self, view: View, want: Want) -> Step:
        record = view.providers.get(want.provider or "")
        if record is None or not _fits(record, want):
            raise NoRoute("The provider that this token is tied to can't serve this call")
        return Step(record, "the token is tied to it")

    def _native(self, view: View, want: Want) -> Step:
        """Paths of Anthropic's own API."""
        if want.provider is not None:
            record = view.providers.get(want.provider)
            if record is None or record.kind != ANTHROPIC:
                raise NoRoute("The provider that this token is tied to has no such path")
            return Step(record, "the token is tied to it")
        record = self._anthropic(view) or view.providers.get(ANTHROPIC)
        if record is None:
            raise NoRoute("No provider has this path")
        return Step(record, "an Anthropic path")

    def _rest(self, view: View, want: Want) -> Step:
        """Anthropic for its own names, else the boot provider."""
        if want.is_forward:
            fitting = [view.boot, *view.ordered()]
            for record in fitting:
                if record is not None and record.kind != ANTHROPIC:
                    return Step(record, "the first that has this path")
            raise NoRoute("No OpenAI-compatible provider is configured for this path")
        if is_anthropics(want.model or ""):
            record = self._anthropic(view)
            if record is not None:
                return Step(record, "a name of Anthropic's")
        if view.boot is None:
            raise NoRoute(view.boot_problem)
        return Step(view.boot, "the boot provider")

    def _anthropic(self, view: View) -> ProviderRecord | None:
        """The Anthropic provider that can be called."""
        return next((record for record in view.anthropics if self._is_served(record)), None)

    def _spoken(self, view: View, want: Want, step: Step) -> Iterable[Route]:
        """The language that this surface is carried over in there: two routes while it is to be found out."""
        record = step.provider
        if record.kind == ANTHROPIC:
            model = step.model or want.model
            if want.dialect in FOREIGN_SURFACES and step.model is None and want.model is not None:
                model = want.model if want.model in record.models else view.mapped(want.model)
            return (Route(record, ANTHROPIC, _target(record, model)),)
        model = step.model or want.model or record.default_model or None
        chat = Route(record, OPENAI_CHAT, _target(record, model))
        native = Route(record, OPENAI_RESPONSES, chat.target)
        if record.responses == Responses.ONLY and not want.is_forward:
            return (native,)
        if want.dialect != OPENAI_RESPONSES or record.responses == Responses.TRANSLATE:
            return (chat,)
        if record.responses == Responses.NATIVE:
            return (native,)
        return (chat,) if self._lacks(record) else (replace(native, is_probe=True), chat)


def is_anthropics(model: str) -> bool:
    return model.lower().startswith(("claude-", "anthropic"))


def _fits(record: ProviderRecord, want: Want) -> bool:
    is_pinned_elsewhere = want.provider is not None and record.name != want.provider
    return not is_pinned_elsewhere and not (want.is_forward and record.kind == ANTHROPIC)


def _target(record: ProviderRecord, model: str | None) -> Target:
    return Target(model=model, provider=record.name)
