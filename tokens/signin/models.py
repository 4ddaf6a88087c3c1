"""Rows of sign-ins, and of the device codes that begin them. Of codes and refresh tokens only SHA-256 is kept."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

SHA256_LENGTH = 64


class SignIn(models.Model):
    """One person signed in from one client. Her bearer is `token`. Who is removed leaves ended sign-ins behind."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="sign_ins"
    )
    surface = models.CharField(max_length=64, blank=True, default="")
    client = models.CharField(max_length=255, blank=True, default="", help_text="Its User-Agent")
    group = models.ForeignKey(
        "tokens.Group",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="sign_ins",
        help_text="Her first group when it began",
    )
    started_at = models.BigIntegerField()
    last_used_at = models.BigIntegerField(null=True, blank=True)
    ends_at = models.BigIntegerField(db_index=True, help_text="Until then it may be refreshed")
    revoked_at = models.BigIntegerField(null=True, blank=True)
    refresh_sha256 = models.CharField(max_length=SHA256_LENGTH, unique=True)
    previous_sha256 = models.CharField(max_length=SHA256_LENGTH, blank=True, default="", db_index=True)
    generation = models.PositiveBigIntegerField(default=0, help_text="How often it was refreshed")
    rotated_at = models.FloatField(null=True, blank=True)
    issuer_token = models.TextField(blank=True, default="", help_text="The issuer's refresh token, encrypted")

    class Meta:
        db_table = "tokens_sign_in"
        verbose_name = "sign-in"
        ordering = ["-started_at", "-id"]

    def __str__(self) -> str:
        return str(self.id)

    def is_alive(self, now: float) -> bool:
        """Tell whether it may still be refreshed."""
        return self.revoked_at is None and self.user_id is not None and now < self.ends_at


class DeviceCode(models.Model):
    """Sign-in that was begun, until a person has decided and the client has come for it."""

    device_sha256 = models.CharField(max_length=SHA256_LENGTH, unique=True)
    user_code = models.CharField(max_length=16, unique=True)
    surface = models.CharField(max_length=64, blank=True, default="")
    peer = models.CharField(max_length=64, blank=True, default="")
    client = models.CharField(max_length=255, blank=True, default="", help_text="Its User-Agent")
    created_at = models.BigIntegerField()
    expires_at = models.BigIntegerField(db_index=True)
    polled_at = models.FloatField(null=True, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="device_codes",
        help_text="Who has decided",
    )
    approved_at = models.BigIntegerField(null=True, blank=True)
    denied_at = models.BigIntegerField(null=True, blank=True)
    taken_at = models.BigIntegerField(null=True, blank=True)
    issuer_token = models.TextField(blank=True, default="", help_text="The issuer's refresh token, encrypted")

    class Meta:
        db_table = "tokens_device_code"
        verbose_name = "device code"
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return str(self.pk)  # never its letters: tracebacks show rows
