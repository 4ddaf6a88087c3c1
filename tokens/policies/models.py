"""Rows of policies: the settings that a group's people get."""

from __future__ import annotations

from django.db import models

EVERYBODY = "*"


class Policy(models.Model):
    """Settings of one group, or of everybody whom no policy of her own groups reaches."""

    group = models.CharField(max_length=255, unique=True, help_text="A group's name, or *")
    settings = models.TextField(help_text="A JSON object, as it was given")
    checksum = models.CharField(max_length=80)
    revision = models.PositiveBigIntegerField(default=0, db_index=True, editable=False)

    class Meta:
        db_table = "tokens_policy"
        verbose_name_plural = "policies"
        ordering = ["group"]

    def __str__(self) -> str:
        return self.group
