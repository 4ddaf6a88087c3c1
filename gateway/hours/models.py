"""The rows of hours: one for each currency."""

from __future__ import annotations

from django.db import models


class HourlyUsage(models.Model):
    """Sums of one hour, for charts of the last day alone: whose calls they were stands in the daily sums."""

    hour = models.BigIntegerField()  # since 1970, UTC
    currency = models.CharField(max_length=8, default="")
    calls = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(default=0)  # counted as those of the daily sums
    units = models.BigIntegerField(default=0)  # the cost, in whole 1e-10: a database can add those up exactly

    class Meta:
        app_label = "gateway"
        db_table = "gateway_hour"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["hour", "currency"], name="gateway_hour_once")]

    def __str__(self) -> str:
        return f"{self.hour} {self.currency}"
