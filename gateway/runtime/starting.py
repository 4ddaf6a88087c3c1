"""Do at start what belongs before anything is read: adopt files and accounts, end rehearsals; say what is lacking."""

from __future__ import annotations

import logging

from accounts import services as accounts
from accounts.pool.pool import Pool
from gateway.kernel.principal import GATEWAY
from gateway.rehearsals import services as rehearsals
from providers.files import services as provider_files
from providers.models import Provider
from tokens.files import services as token_files

logger = logging.getLogger(__name__)
NOBODY = (
    "No account has a credential yet: calls are answered 502. "
    "Add one with `router accounts add`, or set ANTHROPIC_API_KEY"
)


def adopt_and_end() -> None:
    """Adopt tokens, providers and accounts of files and of the environment, and end what is rehearsed. Sync, ORM."""
    token_files.sync_quietly()
    provider_files.sync_quietly()
    accounts.sync_from_environment(principal=GATEWAY)
    rehearsals.end_all(principal=GATEWAY)


def warn_without_accounts(pool: Pool) -> None:
    """Warn when nobody can serve: no account with a credential, no provider of the operator's. Sync, ORM."""
    if any(state.loaded.credential is not None for state in pool.states()):
        return
    if not Provider.objects.filter(is_enabled=True).exists():
        logger.warning(NOBODY)
