"""Modes, and what each needs of the operator."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from gateway.config.table import Options
from providers.gonka import modes

BROKER = {"GONKA_BROKER_URL": "https://b/v1", "GONKA_BROKER_API_KEY": "k"}
KEY = "11" * 32


def options(**values: Any) -> Options:
    return dataclasses.replace(Options(), **values)


@pytest.mark.parametrize(
    ("values", "mode", "model"),
    [
        ({}, "reference", modes.REFERENCE_MODEL),
        (BROKER, "broker", ""),
        ({**BROKER, "GONKA_BROKER_API_KEY": ""}, "reference", modes.REFERENCE_MODEL),
        ({**BROKER, "GONKA_MODE": "signed"}, "signed", ""),
        ({"GONKA_MODE": "signed", "GONKA_MODEL": "m"}, "signed", "m"),
        ({"GONKA_MODEL": ""}, "reference", ""),
        ({"GONKA_MODE": "reference", "GONKA_MODEL": "gm"}, "reference", "gm"),
    ],
)
def test_mode_and_model(values: dict[str, str], mode: str, model: str) -> None:
    assert (modes.mode_of(options(**values)), modes.model_of(options(**values))) == (mode, model)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({}, "GONKA_PRIVATE_KEY"),
        ({"GONKA_MODE": "broker"}, "GONKA_BROKER_URL"),
        ({"GONKA_MODE": "broker", "GONKA_BROKER_URL": "https://b"}, "GONKA_BROKER_API_KEY"),
        ({"GONKA_BROKER_URL": "https://b"}, "GONKA_BROKER_API_KEY"),
        ({"GONKA_BROKER_API_KEY": "k"}, "GONKA_BROKER_URL"),
        ({"GONKA_MODE": "signed"}, "GONKA_PRIVATE_KEY"),
        ({"GONKA_MODE": "signed", "GONKA_PRIVATE_KEY": "secret-key"}, "GONKA_PRIVATE_KEY"),
        ({"GONKA_MODE": "signed", "GONKA_PRIVATE_KEY": "0" * 64}, "GONKA_PRIVATE_KEY"),
    ],
)
def test_what_is_missing_is_named_and_not_shown(values: dict[str, str], named: str) -> None:
    told = modes.missing(options(**values))
    assert told is not None and named in told and "secret-key" not in told


@pytest.mark.parametrize(
    "values",
    [BROKER, {"GONKA_PRIVATE_KEY": "secret-key"}, {"GONKA_PRIVATE_KEY": " "},
     {"GONKA_MODE": "signed", "GONKA_PRIVATE_KEY": "0x" + KEY}],
)  # fmt: skip
def test_what_suffices(values: dict[str, str]) -> None:
    assert modes.missing(options(**values)) is None


def test_options_of_a_row() -> None:
    assert modes.problem({}, "any key") is None
    assert modes.problem({"mode": "signed", "endpoints": "https://a;gonka1a"}, KEY) is None
    assert modes.problem({"mode": "signed"}, "") is None  # it may come from a variable
    for given, key, field in (
        ({"mode": "x"}, "", "options"),
        ({"mode": "signed", "endpoints": "https://a"}, KEY, "options"),
        ({"mode": "signed"}, "secret-key", "api_key"),
    ):
        told = modes.problem(given, key)
        assert told is not None and told[0] == field and "secret-key" not in told[1]
