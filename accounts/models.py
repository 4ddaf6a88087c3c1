"""Rows: our accounts at providers, their cooldowns, and one counter that tells processes what changed.

Times are Unix seconds (UTC). Secrets are stored encrypted, bound to the account's name.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Source(models.TextChoices):
    """Place of an account's secret."""

    DIRECTORY = "directory", "credential directory"
    API_KEY = "api_key", "API key, stored encrypted"
    OAUTH = "oauth", "OAuth pair, stored encrypted"
    ENVIRONMENT = "environment", "environment variable"
    AWS = "aws", "AWS keys, profile, role or chain"
    GOOGLE = "google", "Google service account, workload identity or default credentials"
    AZURE = "azure", "Entra ID client"


class Strategy(models.TextChoices):
    """Order in which calls without a bound account get one."""

    ROUND_ROBIN = "round-robin"
    PRIORITY = "priority"
    LEAST_USED = "least-used"
    WEIGHTED = "weighted"


class Account(models.Model):
    """One login or key of the operator's at one provider."""

    name = models.CharField(max_length=64, unique=True)
    provider = models.CharField(max_length=64, default="anthropic", help_text="The provider's name")
    source = models.CharField(max_length=16, choices=Source)
    location = models.CharField(
        max_length=1024,
        blank=True,
        default="",
        help_text="The directory, the variable's name, AWS's profile, or Google's file",
    )
    region = models.CharField(
        max_length=64, blank=True, default="", help_text="At a cloud; goes before its provider's"
    )
    details = models.JSONField(default=dict, blank=True, editable=False)
    encrypted_secret = models.TextField(blank=True, default="", editable=False)
    encrypted_proxy = models.TextField(blank=True, default="", editable=False)
    is_managed = models.BooleanField(default=False, editable=False, help_text="Named by the environment")
    is_absent = models.BooleanField(
        "absent from the environment", default=False, editable=False, help_text="No longer named there"
    )
    is_paused = models.BooleanField("paused", default=False)
    position = models.PositiveIntegerField(default=1000, editable=False)
    priority = models.PositiveIntegerField(default=100, help_text="Lower goes first")
    weight = models.PositiveIntegerField(default=1, help_text="Share of calls under the weighted strategy")
    request_caps = models.JSONField(
        default=list, blank=True, help_text='Requests per window: [{"requests": 50, "window_seconds": 60}]'
    )
    max_parallel = models.PositiveIntegerField(
        "parallel calls at most", null=True, blank=True, help_text="Empty: no limit"
    )
    pause_at_percent = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Pause when any quota window is used that far"
    )
    # What traffic and refreshes leave behind.
    needs_login = models.BooleanField("login needed", default=False, editable=False)
    dead_fingerprint = models.CharField(max_length=8, blank=True, default="", editable=False)
    last_error = models.CharField(max_length=500, blank=True, default="", editable=False)
    last_error_at = models.FloatField(null=True, editable=False)
    used = models.PositiveBigIntegerField(default=0, editable=False)
    quota = models.JSONField(default=dict, blank=True, editable=False)
    cleared_revision = models.PositiveBigIntegerField(default=0, editable=False)
    revision = models.PositiveBigIntegerField(default=0, db_index=True, editable=False)

    class Meta:
        db_table = "accounts_account"
        ordering: ClassVar = ["position", "id"]

    def __str__(self) -> str:
        return self.name


class Cooldown(models.Model):
    """One cooldown of an account. It ends with the credential that earned it."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="cooldowns")
    fingerprint = models.CharField(max_length=8)
    scope = models.CharField(max_length=16)
    value = models.CharField(max_length=255, blank=True, default="", help_text="The model or family")
    started_at = models.FloatField()
    until = models.FloatField()
    strikes = models.PositiveIntegerField(default=1)
    needs_operator = models.BooleanField(default=False)
    reason = models.CharField(max_length=255)
    changed_at = models.FloatField(db_index=True)

    class Meta:
        db_table = "accounts_cooldown"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "scope", "value"], name="accounts_cooldown_once")
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.scope} {self.value}".rstrip()


class RefreshLease(models.Model):
    """The one process that refreshes an account's pair. Taken and given back by compare-and-swap."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True)
    owner = models.CharField(max_length=64, blank=True, default="")
    until = models.FloatField(default=0.0)
    not_before = models.FloatField(default=0.0, help_text="The token endpoint asked us to wait")

    class Meta:
        db_table = "accounts_refresh_lease"

    def __str__(self) -> str:
        return f"{self.account_id} {self.owner}"


class PoolSetting(models.Model):
    """Settings that may be changed while the pool runs, in one row. Blank = the setting's value."""

    strategy = models.CharField(max_length=16, choices=Strategy, blank=True, default="")

    class Meta:
        db_table = "accounts_pool_setting"

    def __str__(self) -> str:
        return self.strategy or "as configured"


class AccountsRevision(models.Model):
    """Counter of changes, in one row. A reader that saw less than `reload_from` loads anew."""

    value = models.PositiveBigIntegerField(default=0)
    reload_from = models.PositiveBigIntegerField(default=0)

    class Meta:
        db_table = "accounts_revision"

    def __str__(self) -> str:
        return str(self.value)
