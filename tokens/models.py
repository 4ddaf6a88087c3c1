"""Rows: the tokens we issued, groups of them, and one counter that tells every process what changed.

Those of people, sign-ins and policies stand in their rooms; `tokens/apps.py` loads them.

Times are Unix seconds (UTC), as in the JWT and in the reference's files.
"""

from __future__ import annotations

from django.db import models

LIMIT_FIELDS = (
    "max_requests",
    "requests_per_minute",
    "input_tokens_per_minute",
    "output_tokens_per_minute",
    "max_parallel_requests",
    "budget",
    "budget_currency",
    "budget_period",
    "budget_soft_percent",
    "allowed_models",
    "allowed_surfaces",
)


class BudgetPeriod(models.TextChoices):
    DAY = "day", "per day"
    WEEK = "week", "per week"
    MONTH = "month", "per month"
    NEVER = "never", "once, never reset"


CHARGE, EXEMPT, PREPAID = "charge", "exempt", "prepaid"


class PaymentRule(models.TextChoices):
    """Says of a token whether its calls are paid for one by one, where the gateway asks for payments."""

    CHARGE = CHARGE, "each call is paid for"
    EXEMPT = EXEMPT, "nothing is paid"
    PREPAID = PREPAID, "paid beforehand: calls are free while the budget lasts"


class Limited(models.Model):
    """Limits that a token and a group have alike. Null and the empty list mean: no such limit."""

    max_requests = models.PositiveBigIntegerField(null=True, blank=True, help_text="in all")
    requests_per_minute = models.PositiveBigIntegerField(null=True, blank=True)
    input_tokens_per_minute = models.PositiveBigIntegerField(null=True, blank=True)
    output_tokens_per_minute = models.PositiveBigIntegerField(null=True, blank=True)
    max_parallel_requests = models.PositiveBigIntegerField(null=True, blank=True)
    budget = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    budget_currency = models.CharField(max_length=8, blank=True, default="")
    budget_period = models.CharField(max_length=8, choices=BudgetPeriod, blank=True, default="")
    budget_soft_percent = models.PositiveSmallIntegerField(null=True, blank=True)
    allowed_models = models.JSONField(
        default=list, blank=True, help_text="Patterns such as claude-*; empty = every model"
    )
    allowed_surfaces = models.JSONField(default=list, blank=True, help_text="Empty = every surface")

    class Meta:
        abstract = True


class Group(Limited):
    """Team whose limits hold for all its tokens and sign-ins together. A parent has no parent itself.

    Its members stand in Django's own group of the same name (`tokens/people/mirror.py`).
    """

    name = models.CharField(max_length=255, unique=True)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    priority = models.IntegerField(
        default=100, help_text="Of a person's groups the lowest goes first, then the name"
    )
    member_budget = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    member_budget_period = models.CharField(max_length=8, choices=BudgetPeriod, blank=True, default="")
    revision = models.PositiveBigIntegerField(default=0, db_index=True, editable=False)

    class Meta:
        db_table = "tokens_group"
        verbose_name = "token group"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Token(Limited):
    """Token that we issued, without its secret. `id` is the JWT's `sub`.

    That of a sign-in belongs to it for good: each refresh signs the same `id` anew, with a later end. Its limits
    are copies of its person's, its ledger is hers.
    """

    id = models.CharField(max_length=255, primary_key=True)
    label = models.TextField(blank=True, default="")
    issued_at = models.BigIntegerField()
    expires_at = models.BigIntegerField(
        help_text="Unix seconds; may be cut short, never beyond the signed end"
    )
    signed_until = models.BigIntegerField(
        editable=False, help_text="The JWT's own exp, which nothing can move"
    )
    revoked_at = models.BigIntegerField(null=True, blank=True)
    # In JSON "" and null differ for these two, as in the reference.
    account = models.CharField(max_length=255, null=True, blank=True, db_index=True)  # noqa: DJ001
    provider = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001
    payment = models.CharField(max_length=8, choices=PaymentRule, blank=True, default=PaymentRule.CHARGE)
    log_requests = models.BooleanField(
        default=False, help_text="Keep what it asks and is answered, redacted, encrypted, for some days"
    )
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.PROTECT, related_name="tokens")
    sign_in = models.OneToOneField(
        "tokens.SignIn",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="token",
        editable=False,
    )
    person = models.ForeignKey(
        "tokens.Person",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="tokens",
        help_text="Who answers for it; her limits are those of her sign-ins, not of this token",
    )
    ledger_id = models.CharField(max_length=255, db_index=True, editable=False)
    rotated_from = models.CharField(max_length=255, null=True, unique=True, editable=False)  # noqa: DJ001
    revision = models.PositiveBigIntegerField(default=0, db_index=True, editable=False)

    class Meta:
        db_table = "tokens_token"
        ordering = ["-issued_at", "-id"]
        indexes = [models.Index(fields=["-issued_at", "-id"], name="tokens_newest_first")]

    def __str__(self) -> str:
        return self.label or self.id

    @property
    def is_revoked(self) -> bool:
        return self.revoked_at is not None

    @property
    def is_shortened(self) -> bool:
        """Tell whether the row ends the token before its signature does."""
        return self.expires_at < self.signed_until

    def state(self, now: float) -> str:
        """Return `active`, `revoked` or `expired`."""
        if self.is_revoked:
            return "revoked"
        return "active" if now < self.expires_at else "expired"


class TokensRevision(models.Model):
    """Counter of changes, in one row. A reader that saw less than `reload_from` loads anew."""

    value = models.PositiveBigIntegerField(default=0)
    reload_from = models.PositiveBigIntegerField(default=0)

    class Meta:
        db_table = "tokens_revision"

    def __str__(self) -> str:
        return str(self.value)
