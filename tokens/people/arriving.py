"""Know a person whom an issuer vouches for: by issuer and subject, and the first time by her address."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import Group as StaffGroup
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from gateway.kernel import audit
from gateway.kernel.principal import Principal
from tokens.people import mirror, roles, sessions
from tokens.people.errors import LastAdmin
from tokens.people.models import OIDC, Person
from tokens.people.standing import address_of
from tokens.revisions import counted

logger = logging.getLogger(__name__)

LONGEST_NAME = 150
LONGEST_SUBJECT = 255
MOST_GROUPS = 200


class NotAdmitted(Exception):
    """This person is not let in; the text tells her why."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What an issuer says of somebody. `groups` None: it says nothing of them."""

    issuer: str
    subject: str
    email: str  # in lower case
    name: str
    is_verified: bool
    groups: tuple[str, ...] | None


def arrive(arrival: Arrival, *, principal: Principal) -> User:
    """Return the login of a person, made at her first arrival; her groups become those of the claim.

    Raises `NotAdmitted`.
    """
    _check(arrival)
    with counted() as revision:
        user = _known(arrival) or _joined(arrival, principal, revision) or _made(arrival, principal, revision)
        if not user.is_active:
            raise NotAdmitted("You may not sign in here any more. Ask an administrator.")
        _follow_address(user, arrival, principal)
        if arrival.groups is not None:
            _follow_groups(user, arrival.groups, principal)
            _follow_role(user, arrival.groups, principal)
    return user


def _check(arrival: Arrival) -> None:
    try:
        validate_email(arrival.email)
    except ValidationError:
        raise NotAdmitted("The issuer tells no e-mail address that could be one.") from None
    if len(arrival.email) > LONGEST_NAME or not 0 < len(arrival.subject) <= LONGEST_SUBJECT:
        raise NotAdmitted("The issuer tells a name that is too long to be kept.")


def _known(arrival: Arrival) -> User | None:
    person = (
        Person.objects.filter(issuer=arrival.issuer, subject=arrival.subject).select_related("user").first()
    )
    return None if person is None else person.user


def _joined(arrival: Arrival, principal: Principal, revision: int) -> User | None:
    """Return the login of somebody who was made here and arrives for the first time; None when there is none.

    Only an address that the issuer has verified is hers, and a password would open her login to somebody else.
    """
    user = _by_address(arrival.email).first()
    if user is None:
        return None
    person, _ = Person.objects.get_or_create(user=user)
    if not arrival.is_verified or user.has_usable_password() or person.subject is not None:
        raise NotAdmitted("Somebody with your e-mail address is known here already. Ask an administrator.")
    _bind(user, arrival, revision)
    told = {"source": OIDC, "issuer": arrival.issuer}
    audit.record(principal, "person.change", f"person:{arrival.email}", {"source": person.source}, told)
    return user


def _made(arrival: Arrival, principal: Principal, revision: int) -> User:
    user = User(username=arrival.email, email=arrival.email, first_name=_name(arrival))
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as exc:
        raise NotAdmitted(
            "Somebody with your e-mail address is known here already. Ask an administrator."
        ) from exc
    _bind(user, arrival, revision)
    told = {"email": arrival.email, "source": OIDC, "issuer": arrival.issuer}
    audit.record(principal, "person.create", f"person:{arrival.email}", None, told)
    return user


def _bind(user: User, arrival: Arrival, revision: int) -> None:
    values = {"source": OIDC, "issuer": arrival.issuer, "subject": arrival.subject, "revision": revision}
    Person.objects.update_or_create(user=user, defaults=values)


def _follow_address(user: User, arrival: Arrival, principal: Principal) -> None:
    """Take a new address over, unless it is somebody else's here."""
    if user.email == arrival.email or _by_address(arrival.email).exclude(pk=user.pk).exists():
        return
    before = user.email
    if user.username == before:
        user.username = arrival.email
    user.email = arrival.email
    user.save()
    audit.record(
        principal, "person.change", f"person:{arrival.email}", {"email": before}, {"email": user.email}
    )


def _follow_groups(user: User, names: tuple[str, ...], principal: Principal) -> None:
    """Put her into the groups of the claim and out of all others; roles are no groups of an issuer."""
    wanted = sorted({name for name in names if _is_group(name)})[:MOST_GROUPS]
    before = sorted(user.groups.exclude(name__startswith=roles.PREFIX).values_list("name", flat=True))
    if wanted == before:
        return
    for name in wanted:
        _, is_new = StaffGroup.objects.get_or_create(name=name)  # ours follows (`mirror`)
        if is_new:
            audit.record(principal, "group.create", f"group:{name}", None, {"name": name})
    kept = list(user.groups.filter(name__startswith=roles.PREFIX))
    user.groups.set([*kept, *StaffGroup.objects.filter(name__in=wanted)])
    subject = f"person:{address_of(user)}"
    audit.record(principal, "person.change", subject, {"groups": before}, {"groups": wanted})


def _follow_role(user: User, names: tuple[str, ...], principal: Principal) -> None:
    """Give the role that OIDC_ROLES names for the claim's groups, and take another one away.

    Without OIDC_ROLES a role is not the issuer's matter; a superuser's and the last admin's never are.
    """
    if not settings.GATEWAY.OIDC_ROLES or user.is_superuser:
        return
    before, role = roles.role_of(user), roles.of_claim(names, settings.GATEWAY.OIDC_ROLES)
    if role == before:
        return
    sides = [{"role": before, "is_staff": user.is_staff}]
    try:
        with transaction.atomic(), roles.an_admin_left():
            roles.mark(user, role)
            user.save()
            others = user.groups.exclude(name__startswith=roles.PREFIX)
            user.groups.set([*others, *roles.groups_for(role)])
    except LastAdmin:
        user.refresh_from_db()
        logger.warning("the issuer would take the role from the last active admin: it stays")
        return
    sides.append({"role": role, "is_staff": user.is_staff})
    audit.record(principal, "person.role", f"person:{address_of(user)}", *sides)
    sessions.end(user.pk)


def _is_group(name: str) -> bool:
    if name and name.isprintable() and mirror.is_mirrored(name):
        return True
    logger.warning("the issuer names a group that can't be one of ours: %.60r", name)
    return False


def _by_address(email: str) -> QuerySet[User]:
    return User.objects.filter(Q(email__iexact=email) | Q(username__iexact=email))


def _name(arrival: Arrival) -> str:
    return "".join(letter for letter in arrival.name if letter.isprintable())[:LONGEST_NAME]
