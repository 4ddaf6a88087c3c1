"""Tokens as a Django app: its rows stand in several rooms."""

from importlib import import_module

from django.apps import AppConfig

ROOMS = ("people", "signin", "policies", "handover", "totp")


class TokensConfig(AppConfig):
    name = "tokens"
    default_auto_field = "django.db.models.BigAutoField"

    def import_models(self) -> None:
        super().import_models()
        for room in ROOMS:
            import_module(f"tokens.{room}.models")

    def ready(self) -> None:
        # Models may be imported only now.
        from tokens.people import mirror  # noqa: PLC0415

        mirror.connect()
