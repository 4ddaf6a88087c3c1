"""The tests that docs/shown.md names: each is there."""

from __future__ import annotations

import ast
import re

from tests.harness import ROOT

ROW = re.compile(r"^\| (?!promise|---)(.+) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)?::(\w+)`")


def test_every_promise_names_tests_that_are_there() -> None:
    rows = ROW.findall((ROOT / "docs" / "shown.md").read_text())
    assert len(rows) > 30
    for promise, shown in rows:
        named = NAMED.findall(shown)
        assert named and named[0][0], promise
        path = ""
        for given, name in named:
            path = given or path
            tree = ast.parse((ROOT / path).read_text())
            known = {one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
            assert name in known, f"{path}::{name}: {promise}"
