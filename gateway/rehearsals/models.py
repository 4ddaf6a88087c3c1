"""Rows of rehearsals: which fault calls of an account or a provider meet, and until when."""

from __future__ import annotations

from django.db import models


class Fault(models.TextChoices):
    LIMIT = "429", "429, a limit"
    OVERLOADED = "529", "529, overloaded"
    BROKEN = "500", "500, an error"
    STALL = "stall", "silence after the head"
    CUT = "cut", "a stream that is cut"


class Rehearsal(models.Model):
    """A fault to rehearse. It runs until `ends_at`, or until `left` client calls have met it."""

    id = models.CharField(max_length=40, primary_key=True)
    account = models.CharField(max_length=255, blank=True, default="")  # one of these two
    provider = models.CharField(max_length=255, blank=True, default="")
    fault = models.CharField(max_length=8, choices=Fault)
    calls = models.PositiveIntegerField(null=True)
    left = models.PositiveIntegerField(null=True)
    started_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "gateway"
        db_table = "gateway_rehearsal"
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["ends_at"],
                name="gateway_rehearsal_running",
                condition=models.Q(ended_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.fault} {self.account or self.provider}"
