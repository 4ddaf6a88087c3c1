"""Switch a person's second factor on and off, and judge her codes. The secret is encrypted at rest."""

from __future__ import annotations

import base64
import re
import time
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django_otp.oath import TOTP

from gateway.kernel import audit
from gateway.kernel.keys import derive
from gateway.kernel.principal import Principal
from gateway.kernel.secrets import SecretUnreadable, box
from tokens.errors import BadTokenField
from tokens.people.standing import address_of
from tokens.totp.models import Totp

SECRET_BYTES = 20
TOLERANCE = 1
"""Steps of 30 seconds by which a phone's clock may be off."""
ISSUER = "Link.Assistant.Router"
WRONG = "this is not the code of this moment: wait for the next one"
FIELD = "code"
NAME = "second_factor"
"""Of the audit's field: one with `totp` in its name would be taken for a secret."""
_CODE = re.compile(r"[0-9]{6}", re.ASCII)


def offered(user: User, session_key: str) -> str:
    """Return the secret that a person is offered in this login, in base32: the same one until she logs in again.

    Nothing is kept of it before she has shown that her phone has it.
    """
    key = derive(settings.GATEWAY.TOKEN_SECRET, f"totp:{user.pk}:{session_key}", SECRET_BYTES)
    return base64.b32encode(key).decode()


def address(user: User, secret: str) -> str:
    """Return the address that apps read from the QR code."""
    name = quote(f"{ISSUER}:{address_of(user)}")
    return f"otpauth://totp/{name}?{urlencode({'secret': secret, 'issuer': ISSUER})}"


def is_on(user: User) -> bool:
    """Tell whether a code is asked for after her password."""
    return Totp.objects.filter(user_id=user.pk).exists()


def switch_on(user: User, secret: str, code: str, *, principal: Principal) -> None:
    """Ask this person for codes from now on; `code` shows that she can make them. Raises BadTokenField."""
    step = _step(base64.b32decode(secret), code, 0)
    if step is None:
        raise BadTokenField(FIELD, WRONG)
    with transaction.atomic():
        if is_on(user):
            raise BadTokenField(FIELD, "the second factor is on already")
        sealed = box().encrypt(secret, _context(user))
        Totp.objects.create(user_id=user.pk, sealed=sealed, last_step=step, since=int(time.time()))
        audit.record(principal, "person.totp", f"person:{address_of(user)}", {NAME: False}, {NAME: True})


def switch_off(user: User, *, principal: Principal) -> None:
    """Ask this person for no codes any more; no error where none were asked for."""
    with transaction.atomic():
        if Totp.objects.filter(user_id=user.pk).delete()[0]:
            audit.record(principal, "person.totp", f"person:{address_of(user)}", {NAME: True}, {NAME: False})


def is_right(user: User, code: str) -> bool:
    """Tell whether this is a code of hers that was not taken before; then it is taken."""
    row = Totp.objects.filter(user_id=user.pk).first()
    if row is None:
        return False
    try:
        key = base64.b32decode(box().decrypt(row.sealed, _context(user)))
    except SecretUnreadable:
        return False
    step = _step(key, code, row.last_step + 1)
    # Of two at once with the same code one finds it taken.
    return step is not None and bool(
        Totp.objects.filter(pk=row.pk, last_step__lt=step).update(last_step=step)
    )


def _step(key: bytes, code: str, lowest: int) -> int | None:
    """Return the step of time that a code belongs to; None for a wrong one."""
    plain = code.replace(" ", "").replace("-", "")
    if _CODE.fullmatch(plain) is None:
        return None
    totp = TOTP(key)
    totp.time = time.time()
    return totp.t() if totp.verify(int(plain), TOLERANCE, lowest) else None


def _context(user: User) -> str:
    return f"totp:{user.pk}"
