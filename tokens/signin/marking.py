"""Mark sign-ins as used, off the way of any call: whoever records calls says which tokens they came with."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from tokens.signin.models import SignIn

EVERY_SECONDS = 60
"""A mark is this old before it is renewed."""


def mark_used(token_ids: Iterable[str], now: int) -> int:
    """Note that these tokens' sign-ins were used at `now`; return how many marks were renewed."""
    ids = list(token_ids)
    if not ids:
        return 0
    is_old = Q(last_used_at=None) | Q(last_used_at__lt=now - EVERY_SECONDS)
    return SignIn.objects.filter(is_old, token__in=ids).update(last_used_at=now)
