"""Rows of people: what we keep of a `auth.User` beside it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from tokens.models import Limited

LOCAL, OIDC = "local", "oidc"


class Source(models.TextChoices):
    """Says who vouches for a person."""

    LOCAL = LOCAL, "made here"
    OIDC = OIDC, "came from the issuer"


class Person(Limited):
    """Limits of one human, for all her sign-ins together, and who she is at an issuer. Its key is the user's."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="person"
    )
    source = models.CharField(max_length=8, choices=Source, default=LOCAL)
    issuer = models.CharField(max_length=500, blank=True, default="")
    subject = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - many have none
    revision = models.PositiveBigIntegerField(default=0, db_index=True, editable=False)

    class Meta:
        db_table = "tokens_person"
        verbose_name_plural = "people"
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="tokens_person_at_issuer")]

    def __str__(self) -> str:
        return f"person:{self.pk}"


class SetupLink(models.Model):
    """The link by which the first admin is made, while nobody has used it. Of its secret only SHA-256 is kept."""

    secret_sha256 = models.CharField(max_length=64, primary_key=True)
    made_at = models.BigIntegerField(help_text="Unix seconds")
    expires_at = models.BigIntegerField(help_text="Unix seconds")

    class Meta:
        db_table = "tokens_setup_link"

    def __str__(self) -> str:
        return "set-up link"
