"""Choose the providers that may serve a call, best first, from one immutable view of the rows.

The order: (1) a matching route row; (2) the enabled providers whose `models` name the model; (3) `claude-*` /
`anthropic*` → Anthropic if it has an account or a key; (4) the boot provider. No IO but the environment,
where keys may live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from msgspec.structs import replace

from providers.catalog.records import ANTHROPIC, MapRecord, ProviderRecord, Route, RouteRecord, Step, Want
from providers.dialects.table import DIALECTS
from providers.dialects.types import Target
from providers.drivers.base import Driver, RouteOption
from providers.drivers.table import DRIVERS
from providers.errors import NoRoute, UnknownModel

ANY = "*"

IsServed = Callable[[ProviderRecord], bool]
"""Says whether the provider has an account, or a key of its own."""
Lacks = Callable[[ProviderRecord], bool]
"""Says whether the provider is known to have no Responses API."""


@dataclass(frozen=True, eq=False)
class View:
    """The rows and the boot settings as they were at one moment.

    `providers` holds the enabled ones.
    """

    providers: dict[str, ProviderRecord]
    boot: ProviderRecord | None
    routes: tuple[RouteRecord, ...] = ()  # in the order in which they are tried
    model_map: tuple[MapRecord, ...] = ()
    maps_unknown: bool = False  # UNKNOWN_MODEL=map
    boot_problem: str = "no provider serves this call"
    stand_in: ProviderRecord | None = None  # serves when Anthropic's accounts can't: ROUTING_MODE=hybrid
    names_asked: bool = False  # answers name the model that was asked: EXPERIMENTAL_ASKED_MODEL

    @cached_property
    def native(self) -> tuple[ProviderRecord, ...]:
        """The providers of kinds that have names and paths of their own: those called like their kind first."""
        found = [record for record in self.ordered() if driver_of(record).has_native_paths]
        return tuple(sorted(found, key=lambda record: record.name != record.kind))

    @cached_property
    def claiming(self) -> tuple[ProviderRecord, ...]:
        """The providers that may claim names: the native ones, and Anthropic's, whatever its kind is here."""
        own = self.providers.get(ANTHROPIC)
        return self.native if own is None or own in self.native else (own, *self.native)

    @cached_property
    def is_served_either_way(self) -> bool:
        """Tell whether nothing depends on which of these can be called: the boot provider is the only one."""
        return all(record is self.boot for record in self.claiming)

    @cached_property
    def probed_by(self) -> Mapping[str, tuple[ProviderRecord, ...]]:
        """Those of which it is to be found out whether they have the API that a surface's dialect would like best."""
        records = self.providers.values()
        return {
            dialect: tuple(record for record in records if _is_probed(record, dialect))
            for dialect in ("", *DIALECTS)
        }

    @cached_property
    def is_mixed(self) -> bool:
        """Return whether more than one dialect is spoken to providers, so that histories may hold what was sealed."""
        records = [*self.providers.values(), *([] if self.boot is None else [self.boot])]
        spoken = {
            option.dialect
            for record in records
            for surface in DIALECTS
            for option in driver_of(record).dialects(record.responses, surface)
        }
        return len(spoken) > 1

    def ordered(self) -> list[ProviderRecord]:
        """Return the providers by priority, then by name."""
        return sorted(self.providers.values(), key=lambda record: (record.priority, record.name))

    def naming(self, model: str, cloud_id: str = "") -> list[ProviderRecord]:
        """Return the providers whose own list has this model, by the one name or the other."""
        return [record for record in self.ordered() if model in record.models or cloud_id in record.models]

    def mapped(self, model: str) -> str:
        """Return Anthropic's name for a model that an OpenAI client asks for.

        Raises `UnknownModel`.
        """
        lowered = model.lower()
        if lowered.startswith("claude-"):
            return model
        for entry in self.model_map:
            if (entry.pattern != ANY or self.maps_unknown) and fnmatchcase(lowered, entry.pattern.lower()):
                return entry.target
        raise UnknownModel(model)


class Router:
    """The order of providers over one view. `is_served` and `lacks` say what may change without a row."""

    def __init__(self, is_served: IsServed, lacks: Lacks) -> None:
        self._is_served = is_served
        self._lacks = lacks

    def routes(self, view: View, want: Want) -> tuple[Route, ...]:
        """Return where the call may go; never empty. Raises `NoRoute`, `UnknownModel`."""
        found: list[Route] = []
        unknown: UnknownModel | None = None
        for step in self.steps(view, want):
            try:
                found += self._in_dialect(view, want, step)
            except UnknownModel as exc:
                unknown = unknown or exc
        if not found:
            raise unknown or NoRoute(view.boot_problem)
        return tuple(found)

    def only(self, view: View, want: Want) -> Route | None:
        """Where every call of this kind goes whatever model it names, in its own language and unchanged; or None."""
        if view.routes:
            return None
        try:
            ways = [step.provider for step in self.steps(view, want)]
        except NoRoute:
            return None
        if want.provider is None:
            ways += [record for record in view.ordered() if record.models and _can_serve(record, want)]
            claiming = None if want.is_forward else self._served(view.claiming)
            ways += [] if claiming is None else [claiming]
        if any(record.name != ways[0].name for record in ways):
            return None
        routes = [*self._in_dialect(view, want, Step(ways[0], "the only one"))]
        first = routes[0]
        is_plain = len(routes) == 1 and first.dialect == want.dialect and first.target.model is None
        return first if is_plain else None

    def steps(self, view: View, want: Want) -> Sequence[Step]:
        """Return the places in order, before any dialect is chosen.

        Raises `NoRoute`.
        """
        if want.is_native:
            return [self._native(view, want)]
        by_row = self._by_row(view, want)
        if by_row:
            return by_row
        if want.provider is not None:
            return [self._pinned(view, want)]
        naming = view.naming(want.model, want.cloud_id) if want.model else ()
        named = [Step(one, "its list names the model") for one in naming]
        named = [step for step in named if _can_serve(step.provider, want)]
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
            steps = [step for step in steps if _can_serve(step.provider, want)]
            if steps:
                return steps
        return []

    def _pinned(self, view: View, want: Want) -> Step:
        record = view.providers.get(want.provider or "")
        if record is None or not _can_serve(record, want):
            raise NoRoute("The provider that this token is tied to can't serve this call")
        return Step(record, "the token is tied to it")

    def _native(self, view: View, want: Want) -> Step:
        """Paths of a vendor's own API."""
        if want.provider is not None:
            record = view.providers.get(want.provider)
            if record is None or not driver_of(record).has_native_paths:
                raise NoRoute("The provider that this token is tied to has no such path")
            return Step(record, "the token is tied to it")
        record = self._served(view.native) or next(iter(view.native), None)
        if record is None:
            raise NoRoute("No provider has this path")
        return Step(record, "a path of its vendor's API")

    def _rest(self, view: View, want: Want) -> Step:
        """Return the provider of a kind that claims the name, else the boot provider."""
        if want.is_forward:
            fitting = [view.boot, *view.ordered()]
            for record in fitting:
                if record is not None and driver_of(record).forwards:
                    return Step(record, "the first that has this path")
            raise NoRoute("No OpenAI-compatible provider is configured for this path")
        model = want.model or ""
        record = self._served(one for one in view.claiming if driver_of(one).claims(model))
        if record is not None:
            return Step(record, "a name of its vendor's")
        if view.boot is None:
            raise NoRoute(view.boot_problem)
        return Step(view.boot, "the boot provider")

    def _served(self, records: Iterable[ProviderRecord]) -> ProviderRecord | None:
        """Return the first provider that can be called."""
        return next((record for record in records if self._is_served(record)), None)

    def _in_dialect(self, view: View, want: Want, step: Step) -> Iterable[Route]:
        """Return the dialect that carries this surface there: two routes while it is to be found out."""
        record = step.provider
        driver = driver_of(record)
        options = driver.dialects(record.responses, want.dialect)
        if want.is_forward:
            options = (RouteOption(want.dialect),)
        for option in options:
            if option.is_probe and self._lacks(record):
                continue
            model = _model(view, want, step, driver.maps_models and want.dialect not in ("", option.dialect))
            there = _id(want, step, model)
            yield Route(record, option.dialect, _target(view, record, model, there), is_probe=option.is_probe)


def standing_in(view: View, route: Route) -> Route | None:
    """Return the route to what stands in for Anthropic's accounts; None where this one does not go to them."""
    record = view.stand_in
    if record is None or driver_of(record).stands_in_for != route.provider.kind:
        return None
    target = replace(route.target, provider=record.name)
    return Route(record, route.dialect, target)


def driver_of(record: ProviderRecord) -> Driver:
    """Return what the record's kind knows."""
    return DRIVERS[record.kind]


def _is_probed(record: ProviderRecord, dialect: str) -> bool:
    return any(option.is_probe for option in driver_of(record).dialects(record.responses, dialect))


def _model(view: View, want: Want, step: Step, is_mapped: bool) -> str | None:
    """Return the name to send. Raises `UnknownModel` for one that must be mapped and is not."""
    if step.model is None and want.model is not None and is_mapped and want.model not in step.provider.models:
        return view.mapped(want.model)
    return step.model or want.model or step.provider.default_model or None


def _can_serve(record: ProviderRecord, want: Want) -> bool:
    is_pinned_elsewhere = want.provider is not None and record.name != want.provider
    return not is_pinned_elsewhere and not (want.is_forward and not driver_of(record).forwards)


def _id(want: Want, step: Step, model: str | None) -> str | None:
    """Return what the model is called there; None: as it is. An id of that cloud goes as its caller wrote it."""
    record, driver = step.provider, driver_of(step.provider)
    if driver.needs_base_url and not record.model_ids:
        return None
    if step.model is None and want.cloud_id and want.surface == driver.surface:
        return record.model_ids.get(want.cloud_id, want.cloud_id)
    return None if model is None else driver.id_of(model, record.model_ids, record.options)


def _target(view: View, record: ProviderRecord, model: str | None, there: str | None) -> Target:
    return Target(
        model=model,
        provider=record.name,
        id=there,
        is_verbatim=driver_of(record).is_verbatim(record.options),
        may_see_seals=view.is_mixed,
        compacts=driver_of(record).compacts(record.base_url),
        names_asked=view.names_asked,
    )
