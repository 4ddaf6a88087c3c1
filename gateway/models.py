"""The gateway's own rows: exchanges, their sums per day, prices of models, stored objects, and payments.

Written by `gateway/usage`, `gateway/objects` and `gateway/payments`. Token, account and provider are plain text
without foreign keys: deleting one of them never blocks and never takes its history along.
"""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q

import gateway.alerts.models
import gateway.rehearsals.models  # noqa: F401 - both for Django, which looks for rows here
from gateway.audit.models import AuditRow
from gateway.batches.models import BatchRow
from gateway.hours.models import HourlyUsage
from gateway.requestlog.models import RequestLogRow
from gateway.tries.models import Try

__all__ = ["TEXT_LENGTH", "AuditRow", "BatchRow", "DailyUsage", "ExchangeRow", "GatewayRevision", "HourlyUsage",
           "Payment", "PaymentStatus", "PriceRow", "RequestLogRow", "Try", "UsageCounts"]  # fmt: skip

TEXT_LENGTH, MESSAGE_LENGTH = 255, 500
IS_BROKEN = Q(failure_kind__gt="", status__lt=400)


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
    person = models.CharField(max_length=TEXT_LENGTH, default="")  # the e-mail of the token's person then
    group = models.CharField(max_length=TEXT_LENGTH, default="")  # the name of the token's own group then
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
    failure_message = models.CharField(max_length=MESSAGE_LENGTH, default="")
    details = models.TextField(default="")  # JSON, as `gateway.usage.details` writes it; "" = nothing to tell
    attempts = models.SmallIntegerField(default=0)
    first_byte_seconds = models.FloatField(null=True)
    total_seconds = models.FloatField(default=0.0)
    overhead_seconds = models.FloatField(default=0.0)
    cost = models.DecimalField(max_digits=20, decimal_places=10, null=True)  # null = unknown price
    currency = models.CharField(max_length=8, default="")
    written_at = models.BigIntegerField(null=True, editable=False)  # Unix ms: a long call's id is old by then

    class Meta:
        db_table = "gateway_exchange"
        verbose_name = "exchange"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["token_id", "-id"], name="gateway_exchange_token"),
            models.Index(fields=["ledger_id", "-id"], name="gateway_exchange_ledger"),
            models.Index(fields=["account", "-id"], name="gateway_exchange_account"),
            models.Index(fields=["model_served", "-id"], name="gateway_exchange_model"),
            models.Index(fields=["-id"], name="gateway_exchange_refused", condition=Q(status__gte=400)),
            models.Index(fields=["-id"], name="gateway_exchange_broken", condition=IS_BROKEN),
            models.Index(
                fields=["person", "-id"], name="gateway_exchange_person", condition=Q(person__gt="")
            ),
            models.Index(fields=["group", "-id"], name="gateway_exchange_group", condition=Q(group__gt="")),
            models.Index(fields=["written_at"], name="gateway_exchange_new"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class DailyUsage(UsageCounts):
    """Sums of one UTC day for one token, its person and groups, account, provider, model, surface and currency.

    `id` is computed from those (`gateway.usage.daily.daily_id`), so that a batch can be added in the
    order of one key by every worker.
    """

    id = models.UUIDField(primary_key=True)
    day = models.DateField()
    token_id = models.CharField(max_length=TEXT_LENGTH, default="")
    person = models.CharField(max_length=TEXT_LENGTH, default="")
    group = models.CharField(max_length=TEXT_LENGTH, default="")
    ledger_id = models.CharField(max_length=TEXT_LENGTH, default="")
    group_ledger = models.CharField(max_length=TEXT_LENGTH, default="")
    parent_ledger = models.CharField(max_length=TEXT_LENGTH, default="")
    account = models.CharField(max_length=TEXT_LENGTH, default="")
    provider = models.CharField(max_length=TEXT_LENGTH, default="")
    model = models.CharField(max_length=TEXT_LENGTH, default="")
    surface = models.CharField(max_length=64, default="")
    currency = models.CharField(max_length=8, default="")
    requests = models.BigIntegerField(default=0)
    sent = models.BigIntegerField(default=0)  # something of them went upstream: `max_requests` counts them
    # Status 400 and above but not 499, and streams that failed behind a 200; none that were rehearsed.
    errors = models.BigIntegerField(default=0)
    cancelled = models.BigIntegerField(default=0)  # status 499: the client left
    refused = models.BigIntegerField(default=0)  # by us, before anything was sent; among `errors` too
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
    """The price of a model, per million tokens. Four decimals at most, so that a cost is exact in ten."""

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
    web_search = models.DecimalField(
        max_digits=14,
        decimal_places=4,
        default=Decimal(10),
        help_text="A thousand searches of the vendor's web search",
    )
    batch_multiple = models.DecimalField(
        max_digits=7,
        decimal_places=4,
        default=Decimal("0.5"),
        help_text="Of calls that may wait: batch, flex",
    )
    fast_multiple = models.DecimalField(
        max_digits=7,
        decimal_places=4,
        default=Decimal(1),
        help_text="Of calls that go first: fast mode, priority",
    )
    region_multiple = models.DecimalField(
        max_digits=7, decimal_places=4, default=Decimal("1.1"), help_text="Of calls that stay in the US"
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


class StoredObjectRow(models.Model):
    """Something that an upstream keeps at one of our accounts: a batch, a file, a container, a stored response.

    Account, provider and token are plain text: whoever deletes one of them leaves the object's row to the operator.
    """

    id = models.CharField(max_length=TEXT_LENGTH, primary_key=True)  # as the upstream calls it
    kind = models.CharField(max_length=64)
    provider = models.CharField(max_length=TEXT_LENGTH, default="")
    account = models.CharField(max_length=TEXT_LENGTH, default="")  # "" = the provider's own key
    token_id = models.CharField(max_length=TEXT_LENGTH, default="")
    owner = models.CharField(max_length=TEXT_LENGTH, default="")  # the token's ledger, through rotations
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    tokens = models.BigIntegerField(default=0)  # of a thread: its context when it was last used
    document = models.TextField(default="")  # as the upstream last described it, JSON

    class Meta:
        db_table = "gateway_object"
        verbose_name = "stored object"
        ordering = ["-made_at", "-id"]
        indexes = [
            models.Index(fields=["owner", "kind", "-made_at", "-id"], name="gateway_object_list"),
            models.Index(fields=["expires_at"], name="gateway_object_over"),
            models.Index(fields=["-made_at", "-id"], name="gateway_object_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class PaymentStatus(models.TextChoices):
    CLAIMED = "claimed", "claimed: the method has not answered yet"
    SETTLED = "settled", "settled: paid"
    FAILED = "failed", "failed: not paid, or nothing was delivered"
    REFUNDED = "refunded", "refunded"
    REFUND_DUE = "refund-due", "refund due: to be given back by hand"
    UNKNOWN = "unknown", "unknown: ask the provider (manage.py payments reconcile)"


class Payment(models.Model):
    """One credential that was tried for a call. `id` is a UUIDv7: ordered by it, rows are ordered by time.

    A challenge is claimed by the row's insert, before the method is asked, and never again. No credential is kept.
    """

    id = models.UUIDField(primary_key=True)
    challenge_id = models.CharField(max_length=64, unique=True)
    method = models.CharField(max_length=32)
    intent = models.CharField(max_length=32)
    amount = models.CharField(max_length=32, help_text="in base units")
    currency = models.CharField(max_length=16)
    recipient = models.TextField()
    status = models.CharField(max_length=16, choices=PaymentStatus, default=PaymentStatus.CLAIMED)
    detail = models.CharField(max_length=TEXT_LENGTH, default="", help_text="why it is as it is")
    reference = models.CharField(max_length=TEXT_LENGTH, default="", help_text="the method's name for it")
    extras = models.JSONField(default=dict)  # of the receipt
    notes = models.JSONField(default=dict)  # what the method needs to ask about it later
    token_id = models.CharField(max_length=TEXT_LENGTH, default="")
    surface = models.CharField(max_length=64, default="")
    exchange_id = models.CharField(max_length=64, default="", help_text="the newest call it was for")
    fingerprint = models.CharField(max_length=64)  # SHA-256 of the credential
    idempotency = models.CharField(max_length=64, default="")  # SHA-256 of the Idempotency-Key
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # Until then a process works on it: renewed while it does, over soon after it has died.
    held_until = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    served_at = models.DateTimeField(null=True)
    refunded_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "gateway_payment"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["token_id", "-id"], name="gateway_payment_token"),
            models.Index(fields=["status", "-id"], name="gateway_payment_status"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} by {self.method}"


class GatewayRevision(models.Model):
    """The revision of prices: one row, whose `value` grows with every change."""

    value = models.PositiveBigIntegerField(default=0)

    class Meta:
        db_table = "gateway_revision"

    def __str__(self) -> str:
        return str(self.value)
