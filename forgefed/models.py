"""Our own actors, who follows them, and what they have said."""

from __future__ import annotations

from django.db import models

ID_LENGTH = 500


class Actor(models.Model):
    """Somebody of ours that others can address. Without a key of its own it shows the one from the settings."""

    name = models.SlugField(max_length=64, unique=True)
    kind = models.CharField(max_length=32, default="Service")
    display_name = models.CharField(max_length=200)
    summary = models.TextField(blank=True, default="")
    public_key_pem = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Follower(models.Model):
    """Another server's actor that follows one of ours."""

    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="followers")
    uri = models.CharField(max_length=ID_LENGTH)
    inbox_uri = models.CharField(max_length=ID_LENGTH, blank=True, default="")
    followed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["actor", "uri"], name="forgefed_follower_once")]

    def __str__(self) -> str:
        return self.uri


class Activity(models.Model):
    """Something that one of our actors said. `object` is an id or an embedded document."""

    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="activities")
    slug = models.SlugField(max_length=64, unique=True)
    kind = models.CharField(max_length=32)
    object = models.JSONField()
    to = models.JSONField(default=list)
    is_listed = models.BooleanField("listed", default=True)  # in the outbox
    said_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "activities"
        indexes = [models.Index(fields=["actor", "is_listed", "-id"], name="forgefed_activity_outbox")]

    def __str__(self) -> str:
        return f"{self.kind} {self.slug}"
