"""Write groups by the same rules as tokens: one transaction, counted and recorded, then announced."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.db.models import Count

from gateway.kernel import audit
from gateway.kernel.principal import Principal
from tokens import auditing, fields
from tokens.errors import BadTokenField, GroupNotFound
from tokens.models import BudgetPeriod, Group
from tokens.people import following, mirror, roles
from tokens.revisions import counted, reload_from

FOLLOWED = frozenset(("priority", "member_budget", "member_budget_period", "budget_currency"))
"""Fields of a group that the sign-ins of its members have copies of, or are sorted by."""


def create(name: object, *, principal: Principal, **given: object) -> Group:
    """Make a group; `parent` is a name. Raises BadTokenField."""
    values = _completed(fields.check_all(given, fields.GROUP_FIELDS))
    checked = _checked_name(name)
    with counted() as revision:
        try:
            with transaction.atomic():
                group = Group.objects.create(name=checked, revision=revision, **_resolved(values, child=None))
        except IntegrityError as problem:
            raise BadTokenField("name", "a group with this name exists") from problem
        audit.record(principal, "group.create", f"group:{group.name}", None, auditing.of_group(group))
        return group


def change(group_name: str, *, principal: Principal, **given: object) -> Group:
    """Change a group's `name`, `parent` and enabled limits; null clears.

    Raises GroupNotFound, BadTokenField.
    """
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
                    **_resolved(_completed(values, group), child=group),
                )
                mirror.renamed(group.name, str(renamed.get("name", group.name)))
        except IntegrityError as problem:
            raise BadTokenField("name", "a group with this name exists") from problem
        changed = Group.objects.select_related("parent").get(pk=group.pk)
        if FOLLOWED.intersection(values):
            following.follow(mirror.members_of(changed.name), revision)
        sides = auditing.of_group(group), auditing.of_group(changed)
        audit.record(principal, "group.change", f"group:{group.name}", *sides)
        return changed


def delete(name: str, *, principal: Principal) -> None:
    """Remove a group that nothing belongs to. Raises GroupNotFound, GroupInUse."""
    with counted() as revision:
        group = get(name)
        mirror.release(group)
        audit.record(principal, "group.remove", f"group:{name}", auditing.of_group(group), None)
        group.delete()
        reload_from(revision)


def get(name: str) -> Group:
    """Return the row; raises GroupNotFound."""
    group = Group.objects.select_related("parent").filter(name=name).first()
    if group is None:
        raise GroupNotFound(name)
    return group


def find_all() -> list[Group]:
    """Return every group, by name, with the number of its tokens as `token_count`."""
    rows = Group.objects.select_related("parent").order_by("name")
    return list(rows.annotate(token_count=Count("tokens")))


def check_parent(parent: Group, child: Group | None) -> None:
    """Check that groups nest one level only, and none in itself. Raises BadTokenField."""
    if parent.parent_id is not None:
        raise BadTokenField("parent", "is itself in a group; groups nest one level")
    if child is not None and child.pk and (child.pk == parent.pk or child.children.exists()):
        raise BadTokenField("parent", "would nest groups more than one level")


def _checked_name(name: object) -> str:
    checked = fields.text("name", name, mirror.LONGEST_NAME).strip()
    if not checked:
        raise BadTokenField("name", "must not be empty")
    if not mirror.is_mirrored(checked):
        raise BadTokenField("name", f"must not be * or begin with {roles.PREFIX}")
    return checked


def _completed(values: Mapping[str, object], row: Group | None = None) -> dict[str, object]:
    """Add what a new budget of the group or of its members leaves open."""
    found = fields.completed(values, row)
    kept = "" if row is None else row.member_budget_period
    if found.get("member_budget") is not None and not found.get("member_budget_period", kept):
        found["member_budget_period"] = BudgetPeriod.NEVER.value
    return found


def _resolved(values: Mapping[str, object], child: Group | None) -> dict[str, object]:
    """Resolve `parent` from its name to its row."""
    found = dict(values)
    if found.get("parent") is None:
        return found
    parent = Group.objects.filter(name=found["parent"]).first()
    if parent is None:
        raise BadTokenField("parent", "no group with this name")
    check_parent(parent, child)
    found["parent"] = parent
    return found
