from django.apps import AppConfig

from gateway import checks

SERVING_CHECKS = checks.serving  # registered by being imported


class GatewayConfig(AppConfig):
    name = "gateway"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Models may be imported only now.
        from gateway.usage.prices import services  # noqa: PLC0415
        from gateway.usage.viewing import from_rows  # noqa: PLC0415
        from tokens import fields  # noqa: PLC0415
        from tokens.limits import usage  # noqa: PLC0415

        usage.use(from_rows)
        fields.use_currencies(services.currencies)
