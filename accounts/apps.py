from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Providers know no accounts: they are told how to ask."""
        from accounts.live import condition, has_credentials  # noqa: PLC0415 - models are ready only now
        from providers.live import ask_accounts_with  # noqa: PLC0415

        ask_accounts_with(has_credentials, condition)
