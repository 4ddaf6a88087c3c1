"""What is asked of a provider: by its kind, and nothing that goes with another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.console.pages.inputs import Input, filled
from gateway.kernel.asking import BadParameter
from providers.drivers.base import FIELDS, Driver
from providers.drivers.openai_compatible import TOOLS, OpenAiCompatibleDriver
from providers.drivers.table import DEFAULT_KIND, DRIVERS
from providers.fields.validation import APIS, UNSERVED_KINDS
from providers.models import Login, Provider, Responses

KINDS = tuple((kind, driver.label) for kind, driver in DRIVERS.items() if kind not in UNSERVED_KINDS)
"""Kinds that can be added, with their names for people."""
NAME = Input("name", "Name", help="Letters, digits, dash, underscore and dot", is_required=True)
OPTION = "options."
"""Begins the name of a field of what only the kind knows."""
OF_CLOUDS = {
    "region": Input("region", "Region", help="Such as eu-central-1"),
    "project": Input("project", "Project", help="Its id"),
    "workspace": Input("workspace", "Workspace", help="Its id"),
    "api": Input("api", "API", "choice", choices=[(word, word) for word in APIS]),
    "model_ids": Input(
        "model_ids", "What models are called there", "lines", "One a line: name = id", is_rare=True
    ),
}
TIMEOUTS = (
    Input("connect_timeout_seconds", "Seconds to connect", "number", "Empty: as configured", is_rare=True),
    Input(
        "first_byte_timeout_seconds",
        "Seconds to the first byte",
        "number",
        "Empty: as configured",
        is_rare=True,
    ),
    Input("idle_timeout_seconds", "Seconds of silence", "number", "Empty: as configured", is_rare=True),
)
USUAL = {"priority": 100, "responses": Responses.AUTO.value, "login": Login.POOL.value, "tools": TOOLS[0]}


def kind_of(word: str) -> str:
    """Return the kind that is asked for; the usual one when none is. Raises `BadParameter`."""
    if not word:
        return DEFAULT_KIND
    if word not in dict(KINDS):
        raise BadParameter("kind", f"must be one of {', '.join(kind for kind, _ in KINDS)}")
    return word


def to_add(kind: str) -> tuple[Input, ...]:
    """Return the fields of a new provider."""
    return (NAME, *_shared(DRIVERS[kind], False))


def to_change(row: Provider) -> tuple[Input, ...]:
    """Return the fields that may be changed."""
    taken_out = (
        Input("no_api_key", "Remove the stored key", "flag", is_rare=True),
        Input("no_headers", "Remove the extra headers", "flag", is_rare=True),
        Input("models", "Models by hand", "lines", "One per line, if the provider lists none", is_rare=True),
    )
    driver = DRIVERS.get(row.kind)
    return () if driver is None else (*_shared(driver, bool(row.encrypted_api_key)), *taken_out)


def _shared(driver: Driver, has_key: bool) -> tuple[Input, ...]:
    kept = (
        "A key is stored; leave this empty to keep it" if has_key else "Stored encrypted, never shown again"
    )
    found = []
    if driver.has_address:
        help_text = "http(s)://host[:port][/path], often ending in /v1"
        found.append(
            Input(
                "base_url",
                "Address",
                help=help_text,
                is_required=driver.needs_base_url,
                is_rare=not driver.needs_base_url,
            )
        )
    found += [OF_CLOUDS[name] for name in (*FIELDS, "model_ids") if name in driver.fields]
    found.append(Input("api_key", "API key", "secret", kept))
    found += [
        Input(f"{OPTION}{name}", name.replace("_", " ").capitalize(), help=about)
        for name, about in driver.options.items()
        if name not in (*FIELDS, "tools")
    ]
    if driver.takes_callers_login:
        found.append(Input("login", "Whose login", "choice", choices=Login.choices))
    if driver.kind == OpenAiCompatibleDriver.kind:
        found.append(Input("responses", "Responses API", "choice", choices=Responses.choices, is_rare=True))
    if "tools" in driver.options:
        tools = [(word, word) for word in TOOLS]
        found.append(Input("tools", "How tools are told", "choice", choices=tools, is_rare=True))
    return (
        *found,
        Input("api_key_env", "Variable with the key", help="Goes before a stored one", is_rare=True),
        Input("default_model", "Model of calls that name none", is_rare=True),
        Input("priority", "Priority", "whole", "Lower goes first; usually 100", is_rare=True),
        Input(
            "headers", "Extra headers", "paste", "One per line, name: value. Never shown again", is_rare=True
        ),
        *TIMEOUTS,
    )


def standing(row: Provider) -> dict[str, Any]:
    """Return what a form of changes begins with."""
    names = ("base_url", "login", "responses", "api_key_env", "default_model", "priority")
    timeouts = [each.name for each in TIMEOUTS]
    return {
        **USUAL,
        **{name: getattr(row, name) for name in (*names, *timeouts)},
        **{name: text for name, text in row.options.items() if name in (*FIELDS, "tools")},
        **{f"{OPTION}{name}": text for name, text in row.options.items()},
        "model_ids": [f"{name} = {there}" for name, there in row.model_ids.items()],
        "models": row.model_names,
    }


def as_new(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a new provider for the services."""
    return _whole(filled(values))


def as_changed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a change for the services: what is empty is taken out."""
    given = dict(values)
    is_keyless, is_plain = given.pop("no_api_key", False), given.pop("no_headers", False)
    for name in USUAL:  # they have no empty value
        if given.get(name) in ("", None):
            given.pop(name, None)
    found = _whole(given)
    if is_keyless:
        found["api_key"] = None
    if is_plain:
        found["headers"] = None
    return found


def _whole(given: dict[str, Any]) -> dict[str, Any]:
    """Put options, ids and headers together. Raises `BadParameter`."""
    options = {
        name.removeprefix(OPTION): text for name, text in given.items() if name.startswith(OPTION) and text
    }
    found: dict[str, Any] = {name: value for name, value in given.items() if not name.startswith(OPTION)}
    if len(found) < len(given):
        found["options"] = options
    if "model_ids" in found:
        found["model_ids"] = dict(_pair("model_ids", line, "=") for line in found["model_ids"])
    if found.get("headers"):
        lines = [line for line in found["headers"].splitlines() if line.strip()]
        found["headers"] = dict(_pair("headers", line, ":") for line in lines)
    return found


def _pair(field: str, line: str, mark: str) -> tuple[str, str]:
    name, found, value = line.partition(mark)
    if not found or not name.strip() or not value.strip():
        raise BadParameter(field, f"each line must be a name, {mark} and a value")
    return name.strip(), value.strip()
