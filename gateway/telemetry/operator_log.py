"""One log line for each failure that is nobody's wrong request."""

from __future__ import annotations

import logging

from gateway.exchange.exchange import Exchange
from providers.dialects.types import FailureKind

logger = logging.getLogger(__name__)

TOLD_TO_THE_OPERATOR = frozenset(
    (FailureKind.UPSTREAM, FailureKind.TIMEOUT, FailureKind.UNAVAILABLE, FailureKind.INTERNAL)
)


class OperatorLog:
    """An exchange sink that tells what went wrong upstream or inside."""

    def concluded(self, exchange: Exchange) -> None:
        """Log the exchange's failure, where it is the operator's business."""
        if exchange.failure_kind in TOLD_TO_THE_OPERATOR:
            logger.warning(
                "%s (%s: %d, attempt %d, provider %s, account %s)",
                exchange.failure_message,
                exchange.surface,
                exchange.status,
                exchange.attempts,
                exchange.provider or "none",
                exchange.account or "none",
            )
