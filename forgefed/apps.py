from django.apps import AppConfig


class ForgefedConfig(AppConfig):
    name = "forgefed"
    default_auto_field = "django.db.models.BigAutoField"
