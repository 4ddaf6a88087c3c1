"""What the gateway itself keeps: one row per exchange, their sums per day, and what models cost.

Written by `gateway/usage` alone. Token, account and provider are plain text without foreign keys: deleting
one of them never blocks and never takes its history along.
"""

from __future__ import annotations

from django.db import models

TEXT_LENGTH = 255


class UsageCounts(models.Model):
    """Tokens (`input_tokens` without cached ones) and body bytes to and from the upstream."""

    input_tokens = models.BigIntegerField(default=0)
    cache_read_tokens = models.BigIntegerField(default=0)
    cache_write_5m_tokens = models.BigIntegerField(default=0)
    cache_write_1h_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    bytes_in = models.BigIntegerField(default=0)
    bytes_out = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


class ExchangeRow(UsageCounts):
    """One finished call. `id` is the request id, a UUIDv7: ordered by it, rows are ordered by time."""

    id = models.UUIDField(primary_key=True)
    started_at = models.DateTimeField()
    surface = models.CharField(max_length=64, default="")
    method = models.CharField(max_length=16, default="")
    path = models.CharField(max_length=TEXT_LENGTH, default="")
    peer = models.CharField(max_length=64, default="")
    token_id = models.CharField(max_length=TEXT_LENGTH, default="")
    token_label = models.CharField(max_length=TEXT_LENGTH, default="")
    ledger_id = models.CharField(max_length=TEXT_LENGTH, default="")
    group_ledger = models.CharField(max_length=TEXT_LENGTH, default="")  # what the token's group spends
    parent_ledger = models.CharField(max_length=TEXT_LENGTH, default="")  # and that group's parent
    provider = models.CharField(max_length=TEXT_LENGTH, default="")
    account = models.CharField(max_length=TEXT_LENGTH, default="")
    model_asked = models.CharField(max_length=TEXT_LENGTH, default="")
    model_served = models.CharField(max_length=TEXT_LENGTH, default="")
    status = models.SmallIntegerField()
    upstream_status = models.SmallIntegerField(null=True)
    is_stream = models.BooleanField(default=False)
    is_refusal = models.BooleanField(default=False)
    is_estimated = models.BooleanField(default=False)
    failure_kind = models.CharField(max_length=32, default="")
    failure_message = models.CharField(max_length=TEXT_LENGTH, default="")
    attempts = models.SmallIntegerField(default=0)
    first_byte_seconds = models.FloatField(null=True)
    total_seconds = models.FloatField(default=0.0)
    overhead_seconds = models.FloatField(default=0.0)
    cost = models.DecimalField(max_digits=20, decimal_places=10, null=True)  # null = unknown price
    currency = models.CharField(max_length=8, default="")

    class Meta:
        db_table = "gateway_exchange"
        verbose_name = "exchange"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["token_id", "-id"], name="gateway_exchange_token"),
            models.Index(fields=["ledger_id", "-id"], name="gateway_exchange_ledger"),
            models.Index(fields=["account", "-id"], name="gateway_exchange_account"),
            models.Index(fields=["model_served", "-id"], name="gateway_exchange_model"),
            models.Index(
                fields=["status", "-id"], name="gateway_exchange_failed", condition=models.Q(status__gte=400)
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class DailyUsage(UsageCounts):
    """Sums of one UTC day for one token, its groups, account, provider, model, surface and currency.

    `id` is computed from those nine (`gateway.usage.daily.daily_id`), so that a batch can be added in the
    order of one key by every worker.
    """

    id = models.UUIDField(primary_key=True)
    day = models.DateField()
    token_id = models.CharField(max_length=TEXT_LENGTH, default="")
    ledger_id = models.CharField(max_length=TEXT_LENGTH, default="")
    group_ledger = models.CharField(max_length=TEXT_LENGTH, default="")
    parent_ledger = models.CharField(max_length=TEXT_LENGTH, default="")
    account = models.CharField(max_length=TEXT_LENGTH, default="")
    provider = models.CharField(max_length=TEXT_LENGTH, default="")
    model = models.CharField(max_length=TEXT_LENGTH, default="")
    surface = models.CharField(max_length=64, default="")
    currency = models.CharField(max_length=8, default="")
    requests = models.BigIntegerField(default=0)
    sent = models.BigIntegerField(
        default=0
    )  # those of which something went upstream: `max_requests` counts them
    errors = models.BigIntegerField(
        default=0
    )  # status 400 and above but not 499, and streams that failed behind a 200
    cancelled = models.BigIntegerField(default=0)  # status 499: the client left
    refused = models.BigIntegerField(
        default=0
    )  # by us, before anything was sent upstream; among `errors` too
    estimated = models.BigIntegerField(default=0)  # exchanges whose usage is our estimate
    unpriced = models.BigIntegerField(default=0)  # exchanges with usage and no known price
    total_seconds = models.FloatField(default=0.0)
    cost = models.DecimalField(max_digits=20, decimal_places=10, default=0)

    class Meta:
        db_table = "gateway_daily"
        verbose_name = "daily usage"
        verbose_name_plural = "daily usage"
        ordering = ["-day", "-requests"]
        indexes = [
            models.Index(fields=["day", "token_id"], name="gateway_daily_day_token"),
            models.Index(fields=["ledger_id", "day"], name="gateway_daily_ledger"),
            models.Index(fields=["group_ledger", "day"], name="gateway_daily_group"),
            models.Index(fields=["parent_ledger", "day"], name="gateway_daily_parent"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.token_id} {self.model}"


class PriceRow(models.Model):
    """What a model costs, per million tokens. Four decimals at most, so that a cost is exact in ten."""

    model = models.CharField(max_length=TEXT_LENGTH, help_text="A name, or a pattern such as claude-opus-*")
    provider = models.CharField(
        max_length=TEXT_LENGTH, blank=True, default="", help_text="Empty: the price holds at every provider"
    )
    input = models.DecimalField(max_digits=14, decimal_places=4)
    output = models.DecimalField(max_digits=14, decimal_places=4)
    cache_read = models.DecimalField(
        max_digits=14, decimal_places=4, null=True, blank=True, help_text="Empty: as input"
    )
    cache_write_5m = models.DecimalField(
        max_digits=14, decimal_places=4, null=True, blank=True, help_text="Empty: as input"
    )
    cache_write_1h = models.DecimalField(
        max_digits=14, decimal_places=4, null=True, blank=True, help_text="Empty: as the five-minute one"
    )
    currency = models.CharField(max_length=8, default="USD")
    max_output = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="The model's ceiling: reserved for calls that name no max_tokens"
    )
    priced_on = models.DateField(null=True, blank=True, help_text="The day on which the price was looked up")
    source = models.CharField(max_length=TEXT_LENGTH, blank=True, default="")

    class Meta:
        db_table = "gateway_price"
        verbose_name = "price"
        ordering = ["model", "provider"]
        constraints = [models.UniqueConstraint(fields=["model", "provider"], name="gateway_price_once")]

    def __str__(self) -> str:
        return f"{self.model} at {self.provider}" if self.provider else self.model


class GatewayRevision(models.Model):
    """One row. `value` grows with every change of a price."""

    value = models.PositiveBigIntegerField(default=0)

    class Meta:
        db_table = "gateway_revision"

    def __str__(self) -> str:
        return str(self.value)
