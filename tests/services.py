"""Find what writes rows, by reading the source: for the rule that it must know, and record, who asked for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

OF_MANAGERS = {
    "create",
    "update",
    "delete",
    "bulk_create",
    "bulk_update",
    "get_or_create",
    "update_or_create",
    "aupdate",
    "acreate",
    "adelete",
    "abulk_create",
}
OF_ROWS = {"save", "delete", "asave", "adelete"}
NO_ROWS = {"form", "super()", "self._pool"}
"""Whose `save` and `delete` are something else."""


@dataclass(slots=True)
class Function:
    """A function or method: whether it writes itself, whom it calls in its module, what it is told."""

    name: str
    line: int
    has_principal: bool
    writes: bool
    calls: set[str] = field(default_factory=set)

    @property
    def is_private(self) -> bool:
        return self.name.rpartition(".")[2].startswith("_")


def functions(source: str) -> dict[str, Function]:
    """Return a module's functions by name; methods as `Class.method`."""
    tree = ast.parse(source)
    found: dict[str, Function] = {}
    for owner, node in _definitions(tree, ""):
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        managed = _managed_names(node)
        calls = [each for line in node.body for each in ast.walk(line) if isinstance(each, ast.Call)]
        found[owner + node.name] = Function(
            owner + node.name,
            node.lineno,
            any(argument.arg == "principal" for argument in arguments),
            any(_is_write(call, managed) for call in calls),
            {name for line in node.body for each in ast.walk(line) if (name := _named(each, owner))},
        )
    return found


def writers(source: str) -> list[Function]:
    """Return the functions that write, themselves or through helpers that are told nobody's name.

    A helper that is private and is not told who asks is its callers' matter; one that nobody calls is not.
    """
    found = functions(source)
    writing = {name for name, function in found.items() if function.writes}
    passed = True
    while passed:
        passed = False
        for function in found.values():
            helpers = {name for name in function.calls & writing if not found[name].has_principal}
            if helpers and function.name not in writing:
                writing.add(function.name)
                passed = True
    called = {name for function in found.values() for name in function.calls}
    return [
        function
        for name, function in found.items()
        if name in writing and (not function.is_private or function.name not in called)
    ]


Definition = ast.FunctionDef | ast.AsyncFunctionDef


def _definitions(tree: ast.Module | ast.ClassDef, owner: str) -> Iterator[tuple[str, Definition]]:
    for node in tree.body:
        if isinstance(node, Definition):
            yield owner, node
        elif isinstance(node, ast.ClassDef):
            yield from _definitions(node, f"{owner}{node.name}.")


def _managed_names(node: ast.AST) -> set[str]:
    """Return the variables of a function that hold managers or sets of rows."""
    names = set()
    for each in ast.walk(node):
        value = each.value if isinstance(each, ast.Assign | ast.NamedExpr) else None
        if value is not None and "objects" in ast.unparse(value):
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]  # type: ignore[union-attr]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def _is_write(call: ast.Call, managed: set[str]) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    of, name = ast.unparse(call.func.value), call.func.attr
    if of in NO_ROWS or any(keyword.arg == "principal" for keyword in call.keywords):
        return False  # or a service, which is looked at itself
    is_managed = "objects" in of or "_manager" in of or of.partition(".")[0].partition("(")[0] in managed
    return name in OF_ROWS or (name in OF_MANAGERS and is_managed)


def _named(node: ast.AST, owner: str) -> str:
    """Return what a piece of code may call, or hand to somebody who does; "" when it is no name of ours."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return owner + node.attr
    return node.id if isinstance(node, ast.Name) else ""
