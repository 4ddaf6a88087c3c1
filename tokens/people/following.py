"""Keep the tokens of sign-ins as their people are: limits, group, label; and end those of who may not come in.

The data plane reads the tokens alone. So whatever changes a person or a group brings them in line, in its own
transaction; what nobody told us of is found by `reconcile`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from tokens import changes
from tokens.models import Token
from tokens.people import standing
from tokens.revisions import counted
from tokens.signin.models import SignIn

BATCH = 500


@dataclass(frozen=True, slots=True)
class Due:
    """What a token's row should say instead; None: its sign-in has to end."""

    token: Token
    values: dict[str, object] | None


def follow(user_ids: Iterable[int], revision: int) -> int:
    """Bring the sign-ins of these people in line; return how many were changed. Inside `counted`."""
    found = 0
    wanted = sorted(set(user_ids))
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        found += _apply(_due(_alive().filter(sign_in__user_id__in=batch)), revision)
    return found


def reconcile(pause_seconds: float = 0.0) -> int:
    """Bring every sign-in in line with what rows say, whoever wrote them; return how many were not.

    `pause_seconds`: between two batches, so that a process that serves is not held up.
    """
    found, last = 0, ""
    while ids := list(_alive().filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        last = ids[-1]
        due = list(_due(_alive().filter(pk__in=ids)))
        if due:
            with counted() as revision:
                found += _apply(due, revision)
        if len(ids) == BATCH:
            time.sleep(pause_seconds)
    return found


def close(sign_ins: QuerySet[SignIn], revision: int) -> int:
    """End sign-ins for good and return how many were not over yet. Inside `counted`."""
    now = int(time.time())
    alive = list(sign_ins.filter(revoked_at=None).values_list("pk", flat=True))
    for start in range(0, len(alive), BATCH):
        batch = alive[start : start + BATCH]
        SignIn.objects.filter(pk__in=batch).update(revoked_at=now, issuer_token="")
        tokens = Token.objects.filter(sign_in__in=batch)
        tokens.filter(revoked_at=None).update(revoked_at=now)
        tokens.update(revision=revision)
    if alive:
        transaction.on_commit(changes.announce_revoked)
    return len(alive)


def _alive() -> QuerySet[Token]:
    rows = Token.objects.filter(revoked_at=None, sign_in__revoked_at=None, sign_in__ends_at__gt=time.time())
    return rows.select_related("sign_in__user__person", "group")


def _due(tokens: QuerySet[Token]) -> Iterator[Due]:
    rows = list(tokens)
    people = {user.pk: user for user in map(_user_of, rows) if user is not None}
    groups = standing.memberships(people)
    for token in rows:
        user = _user_of(token)
        if user is None or not user.is_active:
            yield Due(token, None)
            continue
        person = standing.person_of(user)
        values = standing.standing(person, groups.get(user.pk, ())).values()
        if any(getattr(token, name) != value for name, value in values.items()):
            yield Due(token, values)


def _apply(due: Iterable[Due], revision: int) -> int:
    found = 0
    ended: list[UUID | str] = []
    for each in due:
        found += 1
        if each.values is None and each.token.sign_in_id is not None:
            ended.append(each.token.sign_in_id)
        elif each.values is not None:
            Token.objects.filter(pk=each.token.pk).update(revision=revision, **each.values)
    if ended:
        close(SignIn.objects.filter(pk__in=ended), revision)
    return found


def _user_of(token: Token) -> User | None:
    return None if token.sign_in is None else token.sign_in.user
