"""Everything that writes groups. Same rules as `services`: one transaction, counted, then announced."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import IntegrityError, transaction

from . import fields
from .errors import BadTokenField, GroupInUse, GroupNotFound
from .models import Group
from .revisions import counted, reload_from


def create(name: object, **given: object) -> Group:
    """A new group; `parent` is a name. Raises BadTokenField."""
    values = fields.completed(fields.check_all(given, fields.GROUP_FIELDS))
    checked = _checked_name(name)
    with counted() as revision:
        try:
            with transaction.atomic():
                return Group.objects.create(name=checked, revision=revision, **_resolved(values, child=None))
        except IntegrityError as problem:
            raise BadTokenField("name", "a group with this name exists") from problem


def change(group_name: str, **given: object) -> Group:
    """Set a group's `name`, `parent` and enabled limits; null clears. Raises GroupNotFound, BadTokenField."""
    given = dict(given)
    renamed = {"name": _checked_name(given.pop("name"))} if "name" in given else {}
    values = fields.check_all(given, fields.GROUP_FIELDS)
    with counted() as revision:
        group = get(group_name)
        try:
            with transaction.atomic():
                Group.objects.filter(pk=group.pk).update(
                    revision=revision,
                    **renamed,
                    **_resolved(fields.completed(values, group), child=group),
                )
        except IntegrityError as problem:
            raise BadTokenField("name", "a group with this name exists") from problem
        return Group.objects.get(pk=group.pk)


def delete(name: str) -> None:
    """Remove a group that nothing belongs to. Raises GroupNotFound, GroupInUse."""
    with counted() as revision:
        group = get(name)
        if group.tokens.exists() or group.children.exists():
            raise GroupInUse(name)
        group.delete()
        reload_from(revision)


def get(name: str) -> Group:
    """The row; raises GroupNotFound."""
    group = Group.objects.select_related("parent").filter(name=name).first()
    if group is None:
        raise GroupNotFound(name)
    return group


def find_all() -> list[Group]:
    """Every group, by name."""
    return list(Group.objects.select_related("parent").order_by("name"))


def check_parent(parent: Group, child: Group | None) -> None:
    """One level only, and nobody's own ancestor. Raises BadTokenField."""
    if parent.parent_id is not None:
        raise BadTokenField("parent", "is itself in a group; groups nest one level")
    if child is not None and child.pk and (child.pk == parent.pk or child.children.exists()):
        raise BadTokenField("parent", "would nest groups more than one level")


def _checked_name(name: object) -> str:
    checked = fields.text("name", name, fields.MAX_NAME_LENGTH).strip()
    if not checked:
        raise BadTokenField("name", "must not be empty")
    return checked


def _resolved(values: Mapping[str, object], child: Group | None) -> dict[str, object]:
    """`parent` from its name to its row."""
    found = dict(values)
    if found.get("parent") is None:
        return found
    parent = Group.objects.filter(name=found["parent"]).first()
    if parent is None:
        raise BadTokenField("parent", "no group with this name")
    check_parent(parent, child)
    found["parent"] = parent
    return found
