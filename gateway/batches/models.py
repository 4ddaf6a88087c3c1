"""The rows of batches. `gateway.usage.batches` writes them."""

from __future__ import annotations

from django.db import models

TEXT_LENGTH = 255


class BatchRow(models.Model):
    """One batch, from its making until its results have been billed, and a while beyond.

    Whose it is stands here as plain text, as in the rows of calls: a token that is deleted takes no bill along.
    """

    id = models.CharField(max_length=TEXT_LENGTH, primary_key=True)  # as the upstream calls it
    made_at = models.DateTimeField()
    provider = models.CharField(max_length=TEXT_LENGTH, default="")
    account = models.CharField(max_length=TEXT_LENGTH, default="")  # "" = the provider's own key
    token_id = models.CharField(max_length=TEXT_LENGTH, default="")
    token_label = models.CharField(max_length=TEXT_LENGTH, default="")
    ledger_id = models.CharField(max_length=TEXT_LENGTH, default="")
    group_ledger = models.CharField(max_length=TEXT_LENGTH, default="")
    parent_ledger = models.CharField(max_length=TEXT_LENGTH, default="")
    # What budgets count of it until its results are known.
    held = models.DecimalField(max_digits=20, decimal_places=10, default=0)
    currency = models.CharField(max_length=8, default="")
    look_at = models.DateTimeField()  # when the upstream is asked next
    looks = models.IntegerField(default=0)
    settled_at = models.DateTimeField(null=True)  # its rows of usage were written with this, once
    # The difference that ledgers in use have not been told yet, and which books of theirs it is for.
    difference = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    marks = models.JSONField(default=dict)

    class Meta:
        app_label = "gateway"
        db_table = "gateway_batch"
        verbose_name = "batch"
        verbose_name_plural = "batches"
        ordering = ["-made_at", "-id"]
        indexes = [
            models.Index(
                fields=["look_at"], name="gateway_batch_open", condition=models.Q(settled_at__isnull=True)
            ),
            models.Index(
                fields=["settled_at"],
                name="gateway_batch_untold",
                condition=models.Q(difference__isnull=False),
            ),
            models.Index(fields=["ledger_id", "settled_at"], name="gateway_batch_ledger"),
        ]

    def __str__(self) -> str:
        return str(self.id)
