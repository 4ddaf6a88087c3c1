"""End the sessions that somebody has open in browsers."""

from __future__ import annotations

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone

BATCH = 500


def end(user_id: int, keep: str = "") -> int:
    """End all but the one with the key `keep`; return how many. Sessions do not name their people: all are read."""
    rows = Session.objects.filter(expire_date__gt=timezone.now()).exclude(pk=keep)
    of = str(user_id)
    over = [row.pk for row in rows.iterator() if row.get_decoded().get(SESSION_KEY) == of]
    for start in range(0, len(over), BATCH):
        Session.objects.filter(pk__in=over[start : start + BATCH]).delete()
    return len(over)
