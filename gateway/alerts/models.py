"""Rows of alerts: channels, rules, what was raised and by whom it is seen, messages and how they were delivered.

`gateway.alerts.services` writes channels and rules; all else is written by the workers that serve.
"""

from __future__ import annotations

from django.db import models

NAME_LENGTH = 64
SUBJECT_LENGTH = 255


class ChannelKind(models.TextChoices):
    EMAIL = "email", "e-mail"
    WEBHOOK = "webhook", "webhook"
    SLACK = "slack", "Slack"
    DISCORD = "discord", "Discord"
    TEAMS = "teams", "Teams"


class AlertEvent(models.TextChoices):
    BUDGET = "budget", "a budget is spent to a share"
    ACCOUNT_OUT = "account-out", "an account is out"
    ACCOUNT_LOGIN = "account-login", "an account needs a login"
    PROVIDER_OUT = "provider-out", "a provider is out"
    ERROR_RATE = "error-rate", "many calls fail"
    TOKEN_EXPIRES = "token-expires", "a token expires soon"
    DISK = "disk", "the disk fills up"
    DATABASE = "database", "the database is away"
    REDIS = "redis", "Redis is away"


FIRING, RESOLVED, TEST = "firing", "resolved", "test"
OPEN = "open"
"""`AlertEntry.once` of an outage that has not ended."""


class AlertChannel(models.Model):
    """Somewhere to send to. `target` and `secret` are encrypted: addresses of chat services are secrets themselves."""

    name = models.CharField(max_length=NAME_LENGTH, unique=True)
    kind = models.CharField(max_length=8, choices=ChannelKind)
    target = models.TextField()
    secret = models.TextField(blank=True, default="")

    class Meta:
        app_label = "gateway"
        db_table = "gateway_alert_channel"
        verbose_name = "alert channel"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AlertRule(models.Model):
    """What is told, of whom, and where. `subject` as in the audit, "" = all; `threshold` null = the event has none."""

    event = models.CharField(max_length=16, choices=AlertEvent)
    threshold = models.PositiveIntegerField(null=True, blank=True)
    subject = models.CharField(max_length=SUBJECT_LENGTH, blank=True, default="")
    channels = models.ManyToManyField(
        AlertChannel, related_name="rules", db_table="gateway_alert_rule_channel"
    )
    enabled = models.BooleanField(default=True)
    quiet_from = models.CharField(max_length=5, blank=True, default="")  # 22:00, in BUDGET_TIME_ZONE
    quiet_to = models.CharField(max_length=5, blank=True, default="")

    class Meta:
        app_label = "gateway"
        db_table = "gateway_alert_rule"
        verbose_name = "alert rule"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.event} {self.subject}".rstrip()


class AlertEntry(models.Model):
    """One thing that a rule has raised. `once` makes it so on all workers: the threshold with its period, or `open`.

    `rule_id` is plain: removing a rule leaves what it has told in the log.
    """

    rule_id = models.BigIntegerField()
    subject = models.CharField(max_length=SUBJECT_LENGTH)
    once = models.CharField(max_length=128)
    event = models.CharField(max_length=16)
    threshold = models.PositiveIntegerField(null=True)
    details = models.JSONField(default=dict)
    is_outage = models.BooleanField()
    at = models.DateTimeField()
    valid_until = models.DateTimeField(null=True)  # a period's or a token's end: no news after it
    ended_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "gateway"
        db_table = "gateway_alert_entry"
        constraints = [
            models.UniqueConstraint(fields=["rule_id", "subject", "once"], name="gateway_alert_once")
        ]
        indexes = [
            models.Index(fields=["at"], name="gateway_alert_entry_at"),
            models.Index(
                fields=["id"],
                name="gateway_alert_open",
                condition=models.Q(is_outage=True, ended_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.subject}"


class AlertSighting(models.Model):
    """A worker that sees an outage. The outage ends when none does, or those that did are silent for long."""

    entry = models.ForeignKey(AlertEntry, on_delete=models.CASCADE, related_name="sightings")
    worker = models.CharField(max_length=36)
    seen_at = models.DateTimeField()

    class Meta:
        app_label = "gateway"
        db_table = "gateway_alert_sighting"
        constraints = [
            models.UniqueConstraint(fields=["entry", "worker"], name="gateway_alert_sighting_once")
        ]

    def __str__(self) -> str:
        return f"{self.entry_id} {self.worker}"


class AlertMessage(models.Model):
    """A message to one channel: the log, and what is still to be sent. `id` is what receivers know it by."""

    id = models.CharField(max_length=40, primary_key=True)
    entry = models.ForeignKey(AlertEntry, null=True, on_delete=models.CASCADE, related_name="messages")
    rule_id = models.BigIntegerField(null=True)
    channel = models.CharField(max_length=NAME_LENGTH)
    event = models.CharField(max_length=16)
    subject = models.CharField(max_length=SUBJECT_LENGTH, blank=True)
    state = models.CharField(max_length=8)  # firing, resolved or test
    at = models.DateTimeField()
    content = models.JSONField()  # what it says; forms of the channels' kinds are made from it
    is_held = models.BooleanField(default=False)  # for quiet hours: asked again whether it is still true
    next_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        app_label = "gateway"
        db_table = "gateway_alert_message"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["entry", "channel", "state"], name="gateway_alert_message_once")
        ]
        indexes = [
            models.Index(
                fields=["next_at"], name="gateway_alert_due", condition=models.Q(ended_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return self.id
