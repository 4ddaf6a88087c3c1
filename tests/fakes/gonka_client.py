"""Gonka's own client for Python, where it can be had: its words about signatures."""

from __future__ import annotations

import importlib
import logging
from types import ModuleType

from tests.e2e.installs import not_to_be_had


def theirs() -> ModuleType:
    """Return its module of signatures; skip the test where its compiled part has no wheels."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    try:
        return importlib.import_module("gonka_openai.utils")
    except ImportError:
        not_to_be_had("gonka-openai, whose compiled part has wheels for Linux on x86-64 only")
    finally:  # it configures logging when it is imported
        root.setLevel(level)
        root.handlers[:] = handlers
