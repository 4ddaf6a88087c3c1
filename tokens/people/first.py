"""Make the first admin: by a link that whoever starts the gateway sees on the terminal, once, while there is none."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from gateway.kernel import audit
from gateway.kernel.principal import Principal
from tokens.errors import BadTokenField
from tokens.people import roles, services
from tokens.people.errors import HasAdmin, LinkGone
from tokens.people.models import SetupLink
from tokens.signin.codes import sha256

SECRET_BYTES = 32
SUBJECT = "setup:"
LONGEST = 255


@dataclass(frozen=True, slots=True)
class Made:
    """A new link; its secret exists nowhere else."""

    expires_at: int  # Unix seconds
    secret: str = field(repr=False)


def is_needed() -> bool:
    """Tell whether there is no active admin."""
    return not roles.has_admin()


def make_link(*, principal: Principal) -> Made:
    """Make a link; those before it end. Raises `HasAdmin`."""
    now, secret = int(time.time()), secrets.token_urlsafe(SECRET_BYTES)
    ends_at = now + max(1, int(settings.GATEWAY.SETUP_LINK_SECONDS))
    with transaction.atomic():
        if not is_needed():
            raise HasAdmin
        SetupLink.objects.all().delete()
        SetupLink.objects.create(secret_sha256=sha256(secret), made_at=now, expires_at=ends_at)
        audit.record(principal, "setup.link", SUBJECT, None, {"expires_at": ends_at})
    return Made(ends_at, secret)


def is_open(secret: str) -> bool:
    """Tell whether this is the link, and it may still be used."""
    return _links(secret).exists() and is_needed()


def make_admin(secret: str, email: object, password: str, *, principal: Principal) -> User:
    """Make the admin, and end the link. Raises `LinkGone`, and what `people.services.add` raises."""
    with transaction.atomic():
        # One of two at once finds nothing left to delete.
        if not _links(secret).delete()[0] or not is_needed():
            raise LinkGone
        if not password:
            raise BadTokenField("password", "must be given")
        person = services.add(email, principal=principal, password=password, role=roles.ADMIN)
        told = {"email": person.user.email, "role": roles.ADMIN}
        audit.record(principal, "setup.done", SUBJECT, None, told)
        return person.user


def _links(secret: str) -> QuerySet[SetupLink]:
    hashed = sha256(secret[:LONGEST])
    return SetupLink.objects.filter(secret_sha256=hashed, expires_at__gt=int(time.time()))
