"""Rows of tokens that are handed over. Of the link only SHA-256 is kept, of the token's secret only a ciphertext."""

from __future__ import annotations

from django.db import models


class Handover(models.Model):
    """A token on its way to the person it is for. Times are Unix seconds."""

    secret_sha256 = models.CharField(max_length=64, primary_key=True)
    token = models.ForeignKey("tokens.Token", on_delete=models.CASCADE, related_name="handovers")
    sealed = models.TextField(
        help_text="The token's secret, encrypted; empty once it was shown or is too old"
    )
    made_at = models.BigIntegerField()
    expires_at = models.BigIntegerField(db_index=True)
    opened_at = models.BigIntegerField(null=True, blank=True)

    class Meta:
        db_table = "tokens_handover"

    def __str__(self) -> str:
        return f"handover:{self.token_id}"

    def is_open(self, now: float) -> bool:
        """Tell whether it may still be taken."""
        return self.opened_at is None and now < self.expires_at
