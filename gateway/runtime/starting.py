"""Say at start what a new installation lacks."""

from __future__ import annotations

import logging

from accounts.pool.pool import Pool
from providers.models import Provider

logger = logging.getLogger(__name__)
NOBODY = (
    "No account has a credential yet: calls are answered 502. "
    "Add one with `router accounts add`, or set ANTHROPIC_API_KEY"
)


def warn_without_accounts(pool: Pool) -> None:
    """Warn when nobody can serve: no account with a credential, no provider of the operator's. Sync, ORM."""
    if any(state.loaded.credential is not None for state in pool.states()):
        return
    if not Provider.objects.filter(is_enabled=True).exists():
        logger.warning(NOBODY)
