from django.apps import AppConfig

from gateway import checks

SERVING_CHECKS = checks.serving  # registered by being imported


class GatewayConfig(AppConfig):
    name = "gateway"
    default_auto_field = "django.db.models.BigAutoField"
