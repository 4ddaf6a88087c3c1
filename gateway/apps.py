"""The gateway as a Django app: connects the apps below with what only the gateway has."""

from django.apps import AppConfig

from gateway.config import checks
from gateway.payments.checks import paying

SERVING_CHECKS = (checks.serving, paying)  # registered by being imported


class GatewayConfig(AppConfig):
    """Connects the apps: readers of usage, the currencies of prices, what providers ask of accounts."""

    name = "gateway"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models may be imported only now.
        from gateway.runtime import connecting  # noqa: PLC0415

        connecting.connect()
