"""Fields of the pages' forms: what is drawn, and how the texts of a browser become what services take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from gateway.kernel.asking import BadParameter

Choices = Sequence[tuple[str, str]]


HIDDEN = ("secret", "paste")
"""Kinds that are never drawn with what stands in them."""


@dataclass(frozen=True, slots=True)
class Input:
    """One field. `kind`: text, secret, paste (a secret of many lines), long, lines, whole, number, choice or flag."""

    name: str
    label: str
    kind: str = "text"
    help: str = ""
    choices: Choices = ()
    """Of a choice; of a text they are proposed."""
    is_required: bool = False
    is_rare: bool = False
    """Stands folded away below the others."""


def read(inputs: Iterable[Input], given: QueryDict) -> dict[str, Any]:
    """Return a value for each field. Raises `BadParameter` naming what is unknown, or no number.

    Empty: "" for texts, None for numbers, an empty list for lines; secrets that are empty are left out.
    """
    known = {each.name: each for each in inputs}
    for name in given:
        if name not in (*known, "csrfmiddlewaretoken", "back"):
            raise BadParameter(name, "unknown field")
    found = {}
    for each in known.values():
        value = _value(each, given)
        if each.kind not in HIDDEN or value:
            found[each.name] = value
    return found


def _value(field: Input, given: QueryDict) -> Any:
    text = given.get(field.name, "")
    if field.kind in HIDDEN:
        return text.strip()
    text = text.replace("\r\n", "\n").strip()
    if field.kind == "flag":
        return text == "on"
    if field.kind == "lines":
        return [line.strip() for line in text.split("\n") if line.strip()]
    if field.kind in ("whole", "number") and text:
        try:
            return int(text) if field.kind == "whole" else float(text)
        except ValueError:
            raise BadParameter(field.name, "must be a number") from None
    return None if field.kind in ("whole", "number") else text


def with_period(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a form. Raises `BadParameter` where a budget has no period to hold for."""
    if values["budget"] and not values["budget_period"]:
        raise BadParameter("budget_period", "must be given with a budget")
    return values


def filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given: for a new thing, empty means "as usual"."""
    return {name: value for name, value in values.items() if value not in ("", None, [])}


def drawn(inputs: Iterable[Input], values: Mapping[str, Any], wrong: tuple[str, str] = ("", "")) -> Any:
    """Return the fields for the template, with what stands in them, and what is wrong beside the one it is about."""
    field, words = wrong
    rows = []
    for each in inputs:
        value = values.get(each.name)
        rows.append(
            {
                "name": each.name,
                "label": each.label,
                "kind": each.kind,
                "help": each.help,
                "choices": each.choices,
                "is_required": each.is_required,
                "is_rare": each.is_rare,
                "value": "" if each.kind in HIDDEN else _text(value),
                "is_on": value is True,
                "wrong": words if each.name == field else "",
            }
        )
    names = {row["name"] for row in rows}
    return {
        "plain": [row for row in rows if not row["is_rare"]],
        "rare": [row for row in rows if row["is_rare"]],
        "is_open": any(row["wrong"] for row in rows if row["is_rare"]),
        "wrong": (f"{field}: {words}" if field else words) if words and field not in names else "",
    }


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, list):
        return "\n".join(str(each) for each in value)
    if isinstance(value, float):
        return f"{value:g}" if abs(value) < 1e6 else str(value)
    return str(value)
