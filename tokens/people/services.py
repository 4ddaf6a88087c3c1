"""Write people. Each function is one transaction, counted in `tokens_revision` and recorded in the audit.

A person is a `auth.User`; who is made here has the address, in lower case, for a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.models import Group as StaffGroup
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q

from gateway.kernel import audit
from gateway.kernel.principal import Principal
from tokens import auditing, fields
from tokens.errors import BadTokenField
from tokens.models import LIMIT_FIELDS, Group
from tokens.people import following, mirror, roles, sessions, standing
from tokens.people.errors import PersonExists, PersonNotFound
from tokens.people.models import Person
from tokens.revisions import counted
from tokens.signin.models import SignIn
from tokens.totp import services as totp

LONGEST_ADDRESS = 150
"""Of a name in Django, which the address is too."""
LONGEST_NAME = 150
MOST_GROUPS = 200
OWN = ("password", "groups", "name", "is_staff", "role")
NEW = (*OWN, *LIMIT_FIELDS)
OF_ACCESS = ("role", "is_staff", "is_active")
"""What the audit tells of a person that is about what she may."""
CHANGEABLE = (*OWN, "active", "totp", *LIMIT_FIELDS)

Who = str | User
"""An address or a login's name; or the row itself, where pages show it."""


def add(email: object, *, principal: Principal, **given: object) -> Person:
    """Make a person. Takes the fields of `NEW`, as in JSON; `groups` are names of groups that there are.

    Without `password` she signs in at the issuer only. Raises BadTokenField, PersonExists.
    """
    address = checked_address(email)
    values = _checked(given, NEW)
    limits = fields.completed(_limits_in(values))
    password = values.get("password")
    with counted() as revision:
        if User.objects.filter(Q(email__iexact=address) | Q(username__iexact=address)).exists():
            raise PersonExists
        user = User(username=address, email=address, **_of_user(values))
        if values.get("role") is not None:
            roles.mark(user, values["role"])
        _set_password(user, password)
        try:
            with transaction.atomic():
                user.save(force_insert=True)
        except IntegrityError as problem:
            raise PersonExists from problem
        Person.objects.update_or_create(user=user, defaults={**limits, "revision": revision})
        user.groups.set([*_groups(values.get("groups", ())), *roles.groups_for(values.get("role"))])
        person = _person(user)
        audit.record(principal, "person.create", f"person:{address}", None, auditing.of_person(person))
        return person


def change(who: Who, *, principal: Principal, **given: object) -> Person:
    """Change the fields of `CHANGEABLE`; null clears. Who becomes inactive is signed out everywhere.

    With another role, or another access, all sessions end but the one in which it is done.
    Raises PersonNotFound, BadTokenField, LastAdmin.
    """
    values = _checked(given, CHANGEABLE)
    with counted() as revision, roles.an_admin_left():
        person = get(who)
        before, user = auditing.of_person(person), person.user
        for name, value in _of_user(values).items():
            setattr(user, name, value)
        if "role" in values:
            roles.mark(user, values["role"])
        if "password" in values:
            _set_password(user, values["password"])
        user.save()
        _set_groups(user, values)
        limits = fields.completed(_limits_in(values), person)
        Person.objects.update_or_create(user=user, defaults={**limits, "revision": revision})
        following.follow((user.pk,), revision)
        if values.get("totp") is False:
            totp.switch_off(user, principal=principal)
        changed = _person(user)
        after = auditing.of_person(changed)
        _record_change(principal, before, after)
        if any(before[name] != after[name] for name in OF_ACCESS):
            sessions.end(user.pk, keep=principal.session)
        return changed


def sign_out(who: Who, *, principal: Principal) -> int:
    """End every sign-in of a person and return how many were not over. Raises PersonNotFound."""
    with counted() as revision:
        person = get(who)
        ended = following.close(SignIn.objects.filter(user=person.user), revision)
        subject = f"person:{auditing.of_person(person)['email']}"
        audit.record(principal, "person.sign-out", subject, {"sign_ins": ended}, {"sign_ins": 0})
        return ended


def remove(who: Who, *, principal: Principal) -> None:
    """Remove a person and end her sign-ins; what she used stays recorded. Raises PersonNotFound, LastAdmin."""
    with counted() as revision, roles.an_admin_left():
        person = get(who)
        shown = auditing.of_person(person)
        following.close(SignIn.objects.filter(user=person.user), revision)
        audit.record(principal, "person.remove", f"person:{shown['email']}", shown, None)
        person.user.delete()


def get(who: Who) -> Person:
    """Return the person with this address, or this login. Raises PersonNotFound."""
    if isinstance(who, User):
        return _person(who)
    try:
        address = fields.text("email", who, fields.MAX_NAME_LENGTH).strip()
    except BadTokenField:
        raise PersonNotFound(who) from None
    rows = User.objects.select_related("person").order_by("pk")
    user = rows.filter(email__iexact=address).first() or rows.filter(username__iexact=address).first()
    if user is None:
        raise PersonNotFound(who)
    return standing.person_of(user)


def find_all() -> list[Person]:
    """Return everybody, by address."""
    users = User.objects.select_related("person").order_by("email", "username")
    return [standing.person_of(user) for user in users]


def portion(limit: int, after: str | None) -> tuple[list[Person], bool]:
    """Return some people by address, those behind `after`, and whether there are more. Raises BadTokenField."""
    users = User.objects.select_related("person").order_by("email", "username")
    if after is not None:
        try:
            last = get(after).user
        except PersonNotFound:
            raise BadTokenField("after", "no person with this address") from None
        users = users.filter(Q(email__gt=last.email) | Q(email=last.email, username__gt=last.username))
    found = list(users[: limit + 1])
    return [standing.person_of(user) for user in found[:limit]], len(found) > limit


def addresses(most: int) -> list[str]:
    """Return the addresses of people who may come in, in order: what a form offers."""
    users = User.objects.filter(is_active=True).order_by("email", "username")[:most]
    return [standing.address_of(user) for user in users]


def checked_address(email: object) -> str:
    """Return an address as it is kept. Raises BadTokenField."""
    address = fields.text("email", email, LONGEST_ADDRESS).strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise BadTokenField("email", "must be an e-mail address") from None
    return address


def _set_groups(user: User, values: Mapping[str, Any]) -> None:
    """Put somebody into groups and give the role, as far as either is given; the other stays."""
    if "groups" in values or "role" in values:
        are_roles = Q(name__startswith=roles.PREFIX)
        role = roles.groups_for(values["role"]) if "role" in values else user.groups.filter(are_roles)
        groups = _groups(values["groups"]) if "groups" in values else user.groups.exclude(are_roles)
        user.groups.set([*role, *groups])


def _record_change(principal: Principal, before: auditing.Fields, after: auditing.Fields) -> None:
    """Record what is different; a role, and what follows from it, as a thing of its own."""
    subject, earlier = f"person:{before['email']}", before
    if before["role"] != after["role"]:
        sides = [{name: side[name] for name in ("role", "is_staff")} for side in (before, after)]
        audit.record(principal, "person.role", subject, *sides)
        earlier = {**before, **sides[1]}
    audit.record(principal, "person.change", subject, earlier, after)


def _person(user: User) -> Person:
    return standing.person_of(User.objects.select_related("person").get(pk=user.pk))


def _checked(given: Mapping[str, object], known: tuple[str, ...]) -> dict[str, Any]:
    for name in given:
        if name not in known:
            raise BadTokenField(name, "unknown field")
    limits = {name: value for name, value in given.items() if name in LIMIT_FIELDS}
    own = {name: _CHECKS[name](name, value) for name, value in given.items() if name not in limits}
    if "role" in own and own.get("is_staff", own["role"] in roles.OF_STAFF) != (
        own["role"] in roles.OF_STAFF
    ):
        raise BadTokenField("is_staff", "is what the role says, when one is given")
    return {**own, **fields.check_all(limits, LIMIT_FIELDS)}


def _limits_in(values: Mapping[str, Any]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name in LIMIT_FIELDS}


def _of_user(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of Django's row: the whole name is its first one."""
    found = {name: values[name] for name in ("is_staff",) if name in values}
    if "active" in values:
        found["is_active"] = values["active"]
    if "name" in values:
        found |= {"first_name": values["name"], "last_name": ""}
    return found


def _set_password(user: User, password: object) -> None:
    if password is None:
        user.set_unusable_password()
        return
    try:
        validate_password(str(password), user)
    except ValidationError as problem:
        raise BadTokenField("password", " ".join(problem.messages)) from None
    user.set_password(str(password))


def _groups(names: Iterable[str]) -> list[StaffGroup]:
    """Return Django's rows of groups of ours. Raises BadTokenField for a name that there is none of."""
    wanted = list(dict.fromkeys(names))
    known = set(Group.objects.filter(name__in=wanted).values_list("name", flat=True))
    for name in wanted:
        if name not in known or not mirror.is_mirrored(name):
            raise BadTokenField("groups", f"no group with the name {name}")
    return [StaffGroup.objects.get_or_create(name=name)[0] for name in wanted]


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadTokenField(name, "must be true or false")
    return value


def _off(name: str, value: object) -> bool:
    """Check that a second factor is switched off: on it is switched by its person alone."""
    if value is not False:
        raise BadTokenField(name, "can be false alone: a person switches it on herself, at /me/security/")
    return value


def _names(name: str, value: object) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MOST_GROUPS:
        raise BadTokenField(name, f"must be a list of at most {MOST_GROUPS} names of groups")
    return [fields.text(name, each, fields.MAX_NAME_LENGTH) for each in value]


def _role(name: str, value: object) -> str | None:
    if value is not None and value not in roles.NAMES:
        raise BadTokenField(name, f"must be one of {', '.join(roles.NAMES)}, or null")
    return None if value is None else str(value)


def _password(name: str, value: object) -> str | None:
    return None if value is None else fields.text(name, value, fields.MAX_NAME_LENGTH)


_CHECKS: dict[str, Any] = {
    "password": _password,
    "groups": _names,
    "name": lambda name, value: fields.text(name, value, LONGEST_NAME).strip(),
    "is_staff": _flag,
    "active": _flag,
    "role": _role,
    "totp": _off,
}
