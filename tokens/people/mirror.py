"""Hear what Django's own pages do to logins and groups: the one exception to "no signals".

A group is one thing with two rows of the same name: `tokens.Group` has the limits, `auth.Group` the members.
Whichever side makes, renames or removes one, the other follows. `QuerySet.update` and `bulk_create` are not heard;
`repair` and `following.reconcile` find what they did within a minute.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import Group as StaffGroup
from django.contrib.auth.models import User
from django.db.models import Q
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save

from tokens.errors import GroupInUse
from tokens.models import Group, Token
from tokens.people import following, roles
from tokens.people.models import Person
from tokens.policies.models import EVERYBODY, Policy
from tokens.revisions import counted, reload_from
from tokens.signin.models import SignIn

LONGEST_NAME = 150
"""Of a group's name in Django."""
UNHEARD = frozenset(("last_login", "password"))
"""Fields of a login that say nothing about what holds for its sign-ins."""
_WAS = "_name_before"


def connect() -> None:
    """Listen. A second time changes nothing."""
    for signal, receiver, sender in (
        (post_save, _user_saved, User),
        (pre_delete, _user_goes, User),
        (post_save, _person_saved, Person),
        (m2m_changed, _members_changed, User.groups.through),
        (pre_save, _name_noted, StaffGroup),
        (post_save, _theirs_saved, StaffGroup),
        (pre_delete, _theirs_goes, StaffGroup),
        (pre_save, _name_noted, Group),
        (post_save, _ours_saved, Group),
        (post_delete, _ours_gone, Group),
    ):
        signal.connect(receiver, sender=sender, dispatch_uid=receiver.__name__ + sender.__name__)


def is_mirrored(name: str) -> bool:
    """Tell whether a group of this name has two rows."""
    return len(name) <= LONGEST_NAME and not name.startswith(roles.PREFIX) and name != EVERYBODY


def renamed(before: str, after: str) -> None:
    """Rename Django's row after ours, and the policy of the group."""
    if before == after:
        return
    moved = is_mirrored(before) and StaffGroup.objects.filter(name=before)
    if is_mirrored(after) and not (moved and moved.update(name=after)):
        StaffGroup.objects.get_or_create(name=after)
    Policy.objects.filter(group=before).update(group=after)


def members_of(name: str) -> list[int]:
    """Return the ids of a group's members."""
    return list(User.objects.filter(groups__name=name).values_list("pk", flat=True))


def release(group: Group) -> None:
    """Take the group from tokens of sign-ins that are over, so that it may be removed. Raises GroupInUse."""
    if is_in_use(group):
        raise GroupInUse(group.name)
    group.tokens.update(group=None)


def is_in_use(group: Group) -> bool:
    """Tell whether tokens, sign-ins that are not over, or children belong to the group."""
    over = Q(sign_in__revoked_at__isnull=False) | Q(sign_in__ends_at__lte=time.time())
    return group.children.exists() or group.tokens.exclude(over).exists()


def repair() -> int:
    """Give every login its row of limits and every group its other half; return how many were missing."""
    ours = {name for name in Group.objects.values_list("name", flat=True) if is_mirrored(name)}
    theirs = {name for name in StaffGroup.objects.values_list("name", flat=True) if is_mirrored(name)}
    lonely = list(User.objects.filter(person=None).values_list("pk", flat=True))
    for name in ours - theirs:
        StaffGroup.objects.get_or_create(name=name)
    for name in theirs - ours:
        _make_ours(name)
    Person.objects.bulk_create([Person(user_id=pk) for pk in lonely], ignore_conflicts=True)
    return len(ours ^ theirs) + len(lonely)


def _user_saved(instance: User, created: bool, raw: bool, **told: Any) -> None:
    fields = told.get("update_fields")
    if raw or (fields and UNHEARD.issuperset(fields)):
        return
    if created:
        Person.objects.get_or_create(user=instance)
    elif instance.sign_ins.filter(revoked_at=None).exists():
        _follow((instance.pk,))


def _user_goes(instance: User, **_: Any) -> None:
    if instance.sign_ins.filter(revoked_at=None).exists():
        with counted() as revision:
            following.close(SignIn.objects.filter(user=instance), revision)


def _members_changed(instance: Any, action: str, pk_set: Collection[int] | None, **told: Any) -> None:
    """Follow a change from either side: `user.groups` or `group.user_set`."""
    if not told.get("reverse"):
        if action in ("post_add", "post_remove", "post_clear"):
            _follow((instance.pk,))
    elif action in ("post_add", "post_remove"):
        _follow(pk_set or ())
    elif action == "pre_clear":
        instance._members_before = members_of(instance.name)
    elif action == "post_clear":
        _follow(instance.__dict__.pop("_members_before", ()))


def _follow(user_ids: Collection[int]) -> None:
    rows = Token.objects.filter(sign_in__user_id__in=list(user_ids), revoked_at=None)
    if rows.exists():
        with counted() as revision:
            following.follow(user_ids, revision)


def _name_noted(sender: Any, instance: Any, raw: bool, **_: Any) -> None:
    if instance.pk is not None and not raw:
        before = sender._default_manager.filter(pk=instance.pk).values_list("name", flat=True).first()
        setattr(instance, _WAS, before)


def _theirs_saved(instance: StaffGroup, created: bool, raw: bool, **_: Any) -> None:
    before = instance.__dict__.pop(_WAS, None)
    if raw or not is_mirrored(instance.name):
        return
    ours = Group.objects.filter(name=before).first() if before and is_mirrored(before) else None
    if ours is None or created:
        _make_ours(instance.name)
    elif before != instance.name:
        with counted() as revision:
            Group.objects.filter(pk=ours.pk).update(name=instance.name, revision=revision)
            renamed(str(before), instance.name)


def _make_ours(name: str) -> None:
    if not Group.objects.filter(name=name).exists():
        with counted() as revision:
            Group.objects.get_or_create(name=name, defaults={"revision": revision})


def _theirs_goes(instance: StaffGroup, **_: Any) -> None:
    """Remove our row with Django's; refuse while something belongs to it."""
    ours = Group.objects.filter(name=instance.name).first()
    if ours is None or not is_mirrored(instance.name):
        return
    with counted() as revision:
        release(ours)
        ours.delete()
        reload_from(revision)


def _ours_saved(instance: Group, created: bool, raw: bool, **_: Any) -> None:
    """Follow what the ORM saved; services, which count what they change, save new groups alone."""
    before = instance.__dict__.pop(_WAS, None)
    if raw:
        return
    if created or before is None:
        if is_mirrored(instance.name):
            StaffGroup.objects.get_or_create(name=instance.name)
        return
    with counted() as revision:
        renamed(before, instance.name)
        Group.objects.filter(pk=instance.pk).update(revision=revision)
        following.follow(members_of(instance.name), revision)


def _person_saved(instance: Person, created: bool, raw: bool, **_: Any) -> None:
    if not (raw or created):
        _follow((instance.pk,))


def _ours_gone(instance: Group, **_: Any) -> None:
    if is_mirrored(instance.name):
        StaffGroup.objects.filter(name=instance.name).delete()
    Policy.objects.filter(group=instance.name).delete()
