"""Write policies, and find the one that a person gets: of her first group that has one, whole, else everybody's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.contrib.auth.models import User

from gateway.kernel import audit
from gateway.kernel.principal import Principal
from tokens import auditing
from tokens.errors import BadTokenField, GroupNotFound
from tokens.models import Group
from tokens.people import standing
from tokens.policies import canonical, known
from tokens.policies.errors import PolicyNotFound
from tokens.policies.models import EVERYBODY, Policy
from tokens.revisions import counted
from tokens.signin.models import SignIn


@dataclass(frozen=True, slots=True)
class Served:
    """A policy as clients get it: `body` is the settings' canonical text."""

    group: str
    checksum: str
    body: str


def put(group: str, settings: object, *, principal: Principal) -> Policy:
    """Give a group, or everybody (`*`), these settings in place of any others. Raises BadTokenField, GroupNotFound."""
    checked = _checked(settings)
    text = canonical.written(checked)
    values = {"settings": json.dumps(checked, ensure_ascii=False), "checksum": canonical.checksum(text)}
    with counted() as revision:
        _check_group(group)
        before = Policy.objects.filter(group=group).first()
        after, _ = Policy.objects.update_or_create(group=group, defaults={**values, "revision": revision})
        old = None if before is None else auditing.of_policy(before)
        audit.record(principal, "policy.set", f"policy:{group}", old, auditing.of_policy(after))
        return after


def remove(group: str, *, principal: Principal) -> None:
    """Take a group's policy away. Raises PolicyNotFound, GroupNotFound."""
    with counted():
        policy = get(group)
        audit.record(principal, "policy.remove", f"policy:{group}", auditing.of_policy(policy), None)
        policy.delete()


def get(group: str) -> Policy:
    """Return the row. Raises PolicyNotFound, GroupNotFound."""
    policy = Policy.objects.filter(group=group).first()
    if policy is None:
        _check_group(group)
        raise PolicyNotFound(group)
    return policy


def find_all() -> list[Policy]:
    """Return every policy, by group."""
    return list(Policy.objects.order_by("group"))


def settings_of(policy: Policy) -> dict[str, object]:
    """Return the settings as they were given."""
    found: dict[str, object] = json.loads(policy.settings)
    return found


def warnings_of(policy: Policy) -> list[str]:
    """Return what may be a mistake in the settings."""
    return known.warnings(settings_of(policy))


def of_user(user: User) -> Policy | None:
    """Return the policy that a person gets."""
    names = [group.name for group in standing.groups_of(user)]
    rows = {policy.group: policy for policy in Policy.objects.filter(group__in=(*names, EVERYBODY))}
    return next((rows[name] for name in (*names, EVERYBODY) if name in rows), None)


def served_to(token_id: str) -> Served | None:
    """Return what the bearer of a sign-in's token gets; None: no policy, or no person stands behind it."""
    sign_in = SignIn.objects.select_related("user").filter(token=token_id).first()
    policy = None if sign_in is None or sign_in.user is None else of_user(sign_in.user)
    if policy is None:
        return None
    return Served(policy.group, policy.checksum, canonical.written(settings_of(policy)))


def checked_text(raw: str) -> Mapping[str, object]:
    """Return the settings of a JSON text that `put` would take. Raises BadTokenField naming `settings`."""
    try:
        value = json.loads(raw, object_pairs_hook=_once)
    except json.JSONDecodeError as exc:
        where = f"line {exc.lineno}, column {exc.colno}"
        raise BadTokenField("settings", f"is not valid JSON ({where})") from None
    except RecursionError:
        raise BadTokenField("settings", "is nested too deep") from None
    return _checked(value)


def _once(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise BadTokenField("settings", f"{name[:64]} is given twice")
        found[name] = value
    return found


def _checked(settings: object) -> dict[str, object]:
    if not isinstance(settings, dict):
        raise BadTokenField("settings", "must be a JSON object")
    try:
        canonical.written(settings)
    except (canonical.NotCanonical, RecursionError) as exc:
        raise BadTokenField("settings", str(exc)) from None
    known.check(settings)
    return settings


def _check_group(name: str) -> None:
    if name != EVERYBODY and not Group.objects.filter(name=name).exists():
        raise GroupNotFound(name)


def shown(policy: Policy) -> dict[str, object]:
    """Return a policy as answers and commands show it."""
    return {
        "group": policy.group,
        "settings": settings_of(policy),
        "checksum": policy.checksum,
        "warnings": warnings_of(policy),
    }
