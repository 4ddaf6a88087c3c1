"""The rows of hours, and those of whole days: one for each currency."""

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


class DayUsage(models.Model):
    """Sums of one UTC day over everybody and everything, for totals: the daily sums by token are many.

    One row has the currency `BEGUN`: on its day these sums were begun. They hold from two days after it: until then
    a worker of the release before may have written calls without them.
    """

    BEGUN = "*"

    day = models.DateField()
    currency = models.CharField(max_length=8, default="")
    requests = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    cancelled = models.BigIntegerField(default=0)
    unpriced = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    cache_read_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    units = models.BigIntegerField(default=0)  # the cost, in whole 1e-10

    class Meta:
        app_label = "gateway"
        db_table = "gateway_day"
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["day", "currency"], name="gateway_day_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.currency}"
