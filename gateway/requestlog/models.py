"""The rows of the request log."""

from __future__ import annotations

from django.db import models


class RequestLogRow(models.Model):
    """The texts of one call. `id` is the call's own, a UUIDv7: ordered by it, rows are ordered by time."""

    id = models.UUIDField(primary_key=True)
    encrypted_text = models.TextField()

    class Meta:
        db_table = "gateway_request_log"
        verbose_name = "kept request"

    def __str__(self) -> str:
        return str(self.id)
