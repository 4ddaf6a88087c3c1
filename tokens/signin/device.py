"""Begin a sign-in from a client, and let its person decide on it. Each step is one conditional UPDATE.

So several processes share the codes: whoever changes the row has made the step, everybody else finds it made.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from gateway.kernel import audit
from gateway.kernel.principal import Principal
from gateway.kernel.secrets import box
from tokens.people.standing import address_of
from tokens.signin import codes, tidying
from tokens.signin.errors import CodeGone, GrantRefused, PolledTooSoon
from tokens.signin.models import DeviceCode

TRIES = 8
EARLY_SECONDS = 1.0
"""A client's clock may be ahead of ours by so much."""
ISSUER_CONTEXT = "device-code"


@dataclass(frozen=True, slots=True)
class Asked:
    """Who begins a sign-in: the client's surface and name, and the address it calls from."""

    surface: str
    client: str
    peer: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that was begun. `device_code` exists nowhere else."""

    user_code: str = field(repr=False)
    device_code: str = field(repr=False)


def begin(asked: Asked) -> Begun:
    """Make a code for the client and one for its person; what is long over is removed."""
    now = int(time.time())
    lives = max(1, round(settings.GATEWAY.DEVICE_CODE_SECONDS))
    tidying.forget_codes(now)
    for _ in range(TRIES):
        begun = Begun(codes.user_code(), codes.device_code())
        try:
            with transaction.atomic():
                DeviceCode.objects.create(
                    device_sha256=codes.sha256(begun.device_code),
                    user_code=begun.user_code,
                    surface=stored(asked.surface, 64),
                    client=stored(asked.client, 255),
                    peer=stored(asked.peer, 64),
                    created_at=now,
                    expires_at=now + lives,
                )
        except IntegrityError:  # somebody else waits with the same letters
            continue
        return begun
    raise RuntimeError("no letters are left for a code")


def waiting(user_code: str) -> DeviceCode:
    """Return the sign-in that waits with this code, as typed. Raises `CodeGone`."""
    row = _undecided(user_code, time.time()).first()
    if row is None:
        raise CodeGone
    return row


def decided(user_code: str, user: User) -> str:
    """Return what this person has decided on the code already: `approved`, `denied` or ""."""
    row = DeviceCode.objects.filter(user_code=codes.typed(user_code), user=user).first()
    if row is None or row.expires_at <= time.time():
        return ""
    return "approved" if row.approved_at is not None else "denied"


def approve(user_code: str, user: User, issuer_token: str = "", *, principal: Principal) -> None:
    """Let the client in as this person. `issuer_token`: what her issuer gave for her, else "". Raises `CodeGone`."""
    _decide(user_code, user, "signin.approve", ("approved_at", issuer_token), principal)


def deny(user_code: str, user: User, *, principal: Principal) -> None:
    """Keep the client out. Raises `CodeGone`."""
    _decide(user_code, user, "signin.deny", ("denied_at", ""), principal)


def poll(device_code: str) -> DeviceCode:
    """Return the row of a sign-in that was approved, for `grants.take`. Raises `GrantRefused`, `PolledTooSoon`."""
    now = time.time()
    row = DeviceCode.objects.filter(device_sha256=codes.sha256(device_code)).first()
    if row is None or row.taken_at is not None or row.expires_at <= now:
        raise _over()
    interval = settings.GATEWAY.DEVICE_POLL_SECONDS
    is_due = Q(polled_at=None) | Q(polled_at__lte=now - (interval - EARLY_SECONDS))
    if not DeviceCode.objects.filter(is_due, pk=row.pk).update(polled_at=now):
        raise PolledTooSoon(shown_interval())
    row.refresh_from_db()
    if row.denied_at is not None:
        if taken(row, now):
            raise GrantRefused("access_denied", "the person has refused")
        raise _over()
    if row.approved_at is None:
        raise GrantRefused("authorization_pending", "nobody has decided yet")
    return row


def taken(row: DeviceCode, now: float) -> bool:
    """Take the decision of a code: true for one caller alone."""
    decided = Q(approved_at__isnull=False) | Q(denied_at__isnull=False)
    return bool(
        DeviceCode.objects.filter(decided, pk=row.pk, taken_at=None, expires_at__gt=now).update(
            taken_at=int(now), issuer_token=""
        )
    )


def shown_interval() -> int:
    """Return the pause between two polls as clients are told it: whole seconds."""
    return max(1, round(settings.GATEWAY.DEVICE_POLL_SECONDS))


def stored(text: str, length: int) -> str:
    """Return a stranger's text as a row may hold it and a page may show it."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * length])
    return printable.encode("utf-8", "replace").decode()[:length].strip()


def _over() -> GrantRefused:
    return GrantRefused("expired_token", "this code is not known, was used, or is over")


def _undecided(user_code: str, now: float) -> QuerySet[DeviceCode]:
    return DeviceCode.objects.filter(
        user_code=codes.typed(user_code), approved_at=None, denied_at=None, taken_at=None, expires_at__gt=now
    )


def _decide(user_code: str, user: User, action: str, decision: tuple[str, str], principal: Principal) -> None:
    now, (moment, issuer_token) = time.time(), decision
    values: dict[str, object] = {moment: int(now), "user": user}
    if issuer_token:
        values["issuer_token"] = box().encrypt(issuer_token, ISSUER_CONTEXT)
    with transaction.atomic():
        row = _undecided(user_code, now).first()
        if row is None or not _undecided(user_code, now).filter(pk=row.pk).update(**values):
            raise CodeGone
        shown = {"surface": row.surface or None, "client": row.client or None, "from": row.peer or None}
        audit.record(principal, action, f"person:{address_of(user)}", None, shown)
