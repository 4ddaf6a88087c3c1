"""Give bearers to clients: for a code that was approved, and for a refresh token."""

from __future__ import annotations

import time
import uuid

from django.conf import settings
from django.contrib.auth.models import User

from gateway.kernel import audit
from gateway.kernel.principal import Principal
from gateway.kernel.secrets import box
from tokens import auditing
from tokens.models import Token
from tokens.people import standing
from tokens.revisions import counted
from tokens.signin import bearers, codes, device, ending, issuers
from tokens.signin.bearers import Pair
from tokens.signin.errors import GrantRefused, IssuerRefused
from tokens.signin.issuers import Issuer
from tokens.signin.models import DeviceCode, SignIn


def take(device_code: str, *, principal: Principal) -> Pair:
    """Return the bearer for a code that was approved, once. Raises `GrantRefused`, `PolledTooSoon`."""
    row = device.poll(device_code)
    now = time.time()
    with counted() as revision:
        if not device.taken(row, now):
            raise GrantRefused("expired_token", "this code was used")
        user = row.user
        if user is None or not user.is_active:
            raise GrantRefused("access_denied", "this person may not sign in")
        sign_in = _begin(row, user, int(now))
        token = bearers.create(sign_in, user, now, revision)
        who = bearers.as_person(principal, user)
        audit.record(who, "token.issue", f"token:{token.id}", None, auditing.of_token(token))
    return bearers.pair(sign_in, token, now)


def refresh(presented: str, issuer: Issuer, *, principal: Principal) -> Pair:
    """Return a fresh pair for a refresh token, and end the one before it.

    Raises `GrantRefused` with `invalid_grant`; `IssuerAway`. An old refresh token ends its sign-in.
    """
    found = codes.read_refresh_token(presented, settings.GATEWAY.TOKEN_SECRET)
    if found is None:
        raise _no_grant("no refresh token of ours")
    sign_in = _alive(found[0])
    if found[1] == sign_in.generation:
        try:
            asked = issuers.asked(sign_in, issuer)
        except IssuerRefused as exc:
            ending.end([sign_in], "the issuer has ended the login", principal=principal)
            raise _no_grant(exc.message) from exc
        except issuers.Overtaken:  # the other window has its pair: ours is the same
            sign_in = _alive(found[0])
        else:
            fresh = _rotated(sign_in, asked)
            if fresh is not None:
                return fresh
            sign_in = _alive(found[0])
    return _once_more(sign_in, found[1], principal)


def _once_more(sign_in: SignIn, generation: int, principal: Principal) -> Pair:
    """Answer a refresh token that was used before: the same pair for a while, then it ends the sign-in."""
    now = time.time()
    grace = settings.GATEWAY.SIGN_IN_GRACE_SECONDS
    is_previous = generation == sign_in.generation - 1 and sign_in.rotated_at is not None
    if is_previous and now - (sign_in.rotated_at or 0.0) <= grace:
        with counted() as revision:
            token = bearers.extend(Token.objects.get(sign_in=sign_in), now, revision)
        return bearers.pair(sign_in, token, now)
    if generation < sign_in.generation:
        ending.end([sign_in], "an old refresh token was used", principal=principal)
    raise _no_grant("this refresh token was used before")


def _rotated(sign_in: SignIn, asked: issuers.Asked) -> Pair | None:
    """Count the generation up, in one conditional UPDATE; None when somebody else did."""
    now = time.time()
    secret = settings.GATEWAY.TOKEN_SECRET
    following = codes.sha256(codes.refresh_token(sign_in.id, sign_in.generation + 1, secret))
    with counted() as revision:
        mine = SignIn.objects.filter(
            pk=sign_in.pk, generation=sign_in.generation, revoked_at=None, issuer_token=asked.claim
        )
        if not mine.update(
            refresh_sha256=following,
            previous_sha256=sign_in.refresh_sha256,
            generation=sign_in.generation + 1,
            rotated_at=now,
            last_used_at=int(now),
            issuer_token=asked.following,
        ):
            return None
        sign_in.generation += 1
        token = bearers.extend(Token.objects.get(sign_in=sign_in), now, revision)
    return bearers.pair(sign_in, token, now)


def _begin(row: DeviceCode, user: User, now: int) -> SignIn:
    groups = standing.groups_of(user)
    sign_in = SignIn(
        id=uuid.uuid4(),
        user=user,
        surface=row.surface,
        client=row.client,
        group=groups[0] if groups else None,
        started_at=now,
        last_used_at=now,
        ends_at=now + max(1, round(settings.GATEWAY.SIGN_IN_SECONDS)),
    )
    if row.issuer_token:
        plain = box().decrypt(row.issuer_token, device.ISSUER_CONTEXT)
        sign_in.issuer_token = issuers.sealed(sign_in, plain)
    first = codes.refresh_token(sign_in.id, 0, settings.GATEWAY.TOKEN_SECRET)
    sign_in.refresh_sha256 = codes.sha256(first)
    sign_in.save(force_insert=True)
    return sign_in


def _alive(sign_in_id: uuid.UUID) -> SignIn:
    """Return the sign-in while it may be refreshed, and its person may come in. Raises `GrantRefused`."""
    sign_in = SignIn.objects.select_related("user", "group").filter(pk=sign_in_id).first()
    if sign_in is None or not sign_in.is_alive(time.time()):
        raise _no_grant("this sign-in has ended")
    if sign_in.user is None or not sign_in.user.is_active:
        raise _no_grant("this person may not sign in any more")
    return sign_in


def _no_grant(text: str) -> GrantRefused:
    return GrantRefused("invalid_grant", text)
