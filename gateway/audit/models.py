"""The audit's rows. `gateway.kernel.audit` adds them; nothing changes one."""

from __future__ import annotations

from django.db import models


class AuditRow(models.Model):
    """One change: who did it, from where, and the fields that differ. `id` is a UUIDv7: ordered by time.

    Who and what are plain text without foreign keys: deleting somebody never takes her history along.
    """

    id = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    who_kind = models.CharField("kind", max_length=16)  # key, person, command, local, system or anonymous
    who_name = models.CharField("who", max_length=255, default="", blank=True)
    via = models.CharField(max_length=16)  # console, admin, api, command, login or system
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=255)
    before = models.JSONField(null=True)  # null: there was nothing
    after = models.JSONField(null=True)
    peer = models.CharField("address", max_length=64, default="", blank=True)
    request_id = models.CharField(max_length=64, default="", blank=True)

    class Meta:
        app_label = "gateway"
        db_table = "gateway_audit"
        verbose_name = "audit entry"
        verbose_name_plural = "audit"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["subject", "-id"], name="gateway_audit_subject"),
            models.Index(fields=["who_name", "-id"], name="gateway_audit_who"),
            models.Index(fields=["action", "-id"], name="gateway_audit_action"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
