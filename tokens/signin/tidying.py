"""Remove what is left of sign-ins and device codes that were over long ago."""

from __future__ import annotations

import time

from django.db.models import Q, QuerySet

from tokens.models import Token
from tokens.revisions import counted, reload_from
from tokens.signin.models import DeviceCode, SignIn

KEPT_DAYS = 30
"""How long a sign-in that has ended can still be looked at."""
CODE_KEPT_SECONDS = 3600
"""How long a code that is over is still told apart from one that never was."""
BATCH = 500
DAY_SECONDS = 86_400


def tidy(now: float | None = None) -> int:
    """Remove a portion of what is long over; return how many sign-ins went.

    Days are counted from midnight (UTC): so rows fall due once a day, and readers seldom load anew.
    """
    at = time.time() if now is None else now
    forget_codes(at)
    before = int(at // DAY_SECONDS - KEPT_DAYS) * DAY_SECONDS
    if not _over(before).exists():
        return 0
    with counted() as revision:
        ids = list(_over(before).order_by("pk").values_list("pk", flat=True)[:BATCH])
        Token.objects.filter(sign_in__in=ids).delete()
        SignIn.objects.filter(pk__in=ids).delete()
        reload_from(revision)
    return len(ids)


def forget_codes(now: float) -> None:
    """Remove device codes that are long over, whatever became of them."""
    DeviceCode.objects.filter(expires_at__lt=now - CODE_KEPT_SECONDS).delete()


def _over(before: float) -> QuerySet[SignIn]:
    """Return sign-ins that ended before, and none of whose bearers would be good by its signature alone."""
    ended = Q(ends_at__lt=before) | Q(revoked_at__lt=before)
    return SignIn.objects.filter(ended & (Q(token=None) | Q(token__signed_until__lt=before)))
