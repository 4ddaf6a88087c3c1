"""The rows of tries: one each, for as long as it counts."""

from __future__ import annotations

from django.db import models


class Try(models.Model):
    """One try: `rule` says of what, `key` from where. Times are Unix seconds."""

    rule = models.CharField(max_length=16)
    key = models.CharField(max_length=160)
    at = models.FloatField()

    class Meta:
        app_label = "gateway"
        db_table = "gateway_try"
        indexes = [
            models.Index(fields=["rule", "key", "id"], name="gateway_try_key"),
            models.Index(fields=["rule", "at"], name="gateway_try_at"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.key}"
