"""Rows of second factors: whoever has one is asked for a code after her password."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Totp(models.Model):
    """The second factor of one person. Its key is the user's."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="totp"
    )
    sealed = models.TextField(help_text="The secret, encrypted")
    last_step = models.BigIntegerField(
        default=0, help_text="Of the last code that was taken; none is taken twice"
    )
    since = models.BigIntegerField(help_text="Unix seconds")

    class Meta:
        db_table = "tokens_totp"
        verbose_name = "second factor"

    def __str__(self) -> str:
        return f"totp:{self.pk}"
