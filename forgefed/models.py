"""Rows: our actors, their keys and activities, who follows whom, what came in and what has to go out, other servers."""

from __future__ import annotations

from django.db import models

ID_LENGTH = 500


class Actor(models.Model):
    """Actor of ours that others can address."""

    name = models.SlugField(max_length=64, unique=True)
    kind = models.CharField(max_length=32, default="Service")
    display_name = models.CharField(max_length=200)
    summary = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Key(models.Model):
    """Key pair of one of our actors. `sealed` is the private one, encrypted."""

    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="keys")
    fragment = models.CharField(max_length=32)  # of its id: main-key, ed25519-key
    public = models.TextField()  # PEM or multibase
    sealed = models.TextField()
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["actor", "fragment"], name="forgefed_key_once")]

    def __str__(self) -> str:
        return self.fragment


class Follower(models.Model):
    """Another server's actor that follows one of ours."""

    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="followers")
    uri = models.CharField("who", max_length=ID_LENGTH)
    inbox_uri = models.CharField("inbox", max_length=ID_LENGTH, blank=True, default="")
    follow_id = models.CharField("by their activity", max_length=ID_LENGTH, blank=True, default="")
    followed_at = models.DateTimeField("since", auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["actor", "uri"], name="forgefed_follower_once")]

    def __str__(self) -> str:
        return self.uri


class Activity(models.Model):
    """Activity of one of our actors. `object` is an id or an embedded document."""

    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="activities")
    slug = models.SlugField(max_length=64, unique=True)
    kind = models.CharField(max_length=32)
    object = models.JSONField()
    to = models.JSONField(default=list)
    is_listed = models.BooleanField("listed", default=True)  # in the outbox
    said_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "activity of ours"
        verbose_name_plural = "activities of ours"
        indexes = [models.Index(fields=["actor", "is_listed", "-id"], name="forgefed_activity_outbox")]

    def __str__(self) -> str:
        return f"{self.kind} {self.slug}"


class FollowState(models.TextChoices):
    """The answer of somebody we asked to follow."""

    PENDING = "pending", "not answered yet"
    ACCEPTED = "accepted", "accepted"
    REJECTED = "rejected", "rejected"


class Following(models.Model):
    """Another server's actor that one of ours follows, or has asked to."""

    actor = models.ForeignKey(Actor, on_delete=models.CASCADE, related_name="following")
    uri = models.CharField("whom", max_length=ID_LENGTH)
    activity = models.ForeignKey(Activity, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=16, choices=FollowState, default=FollowState.PENDING)
    asked_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = verbose_name_plural = "following"
        constraints = [models.UniqueConstraint(fields=["actor", "uri"], name="forgefed_following_once")]

    def __str__(self) -> str:
        return self.uri


class DeliveryState(models.TextChoices):
    """The state of a delivery."""

    WAITING = "waiting", "waiting"
    DELIVERED = "delivered", "delivered"
    FAILED = "failed", "given up"


class Delivery(models.Model):
    """An activity of ours on its way to one inbox. Without an inbox yet, its recipient's is looked up."""

    activity = models.ForeignKey(Activity, on_delete=models.CASCADE, related_name="deliveries")
    recipient = models.CharField("to", max_length=ID_LENGTH)
    inbox_uri = models.CharField("inbox", max_length=ID_LENGTH, blank=True, default="")
    host = models.CharField(max_length=260)
    state = models.CharField(max_length=16, choices=DeliveryState, default=DeliveryState.WAITING)
    attempts = models.PositiveIntegerField("tries", default=0)
    next_at = models.DateTimeField("next try")
    claimed_until = models.DateTimeField(null=True, blank=True)
    last_status = models.PositiveIntegerField("last answer", null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["activity", "recipient"], name="forgefed_delivery_once")
        ]
        indexes = [models.Index(fields=["state", "next_at"], name="forgefed_delivery_due")]

    def __str__(self) -> str:
        return f"{self.activity} to {self.recipient}"


class Received(models.Model):
    """An activity that came in, verified. It is remembered so that it counts once."""

    activity_id = models.CharField("id", max_length=ID_LENGTH)
    actor_uri = models.CharField("from", max_length=ID_LENGTH)
    kind = models.CharField(max_length=64)
    object_id = models.CharField("about", max_length=ID_LENGTH, blank=True, default="")
    context_id = models.CharField("in", max_length=ID_LENGTH, blank=True, default="")
    body = models.JSONField()
    outcome = models.CharField(max_length=200, blank=True, default="")
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "activity received"
        verbose_name_plural = "activities received"
        constraints = [
            models.UniqueConstraint(fields=["activity_id", "actor_uri"], name="forgefed_received_once")
        ]
        indexes = [
            models.Index(fields=["actor_uri", "kind", "object_id"], name="forgefed_received_about"),
            models.Index(fields=["context_id"], name="forgefed_received_context"),
            models.Index(fields=["received_at"], name="forgefed_received_at"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.actor_uri}"


class RemoteActor(models.Model):
    """Another server's actor, as it was last fetched."""

    uri = models.CharField(max_length=ID_LENGTH, unique=True)
    kind = models.CharField(max_length=64, blank=True, default="")
    name = models.CharField(max_length=200, blank=True, default="")
    inbox_uri = models.CharField(max_length=ID_LENGTH, blank=True, default="")
    fetched_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.uri


class RemoteKey(models.Model):
    """A public key of another server's actor, which lists it."""

    key_id = models.CharField(max_length=ID_LENGTH, unique=True)
    owner = models.CharField(max_length=ID_LENGTH, db_index=True)
    public = models.TextField()  # PEM or multibase
    fetched_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key_id


class RemoteHost(models.Model):
    """A server that we have met: how it wants signatures, whether it is there, whether we talk to it."""

    host = models.CharField(max_length=260, unique=True)  # with the port, where it is not the scheme's own
    scheme = models.CharField("signatures", max_length=16, blank=True, default="")
    is_blocked = models.BooleanField("blocked", default=False)
    failing_since = models.DateTimeField("away since", null=True, blank=True)
    retry_at = models.DateTimeField("tried again", null=True, blank=True)

    class Meta:
        ordering = ["host"]
        verbose_name = "server"

    def __str__(self) -> str:
        return self.host


class OfferState(models.TextChoices):
    """The answer to an offer."""

    WAITING = "waiting", "waiting"
    ACCEPTED = "accepted", "accepted"
    REJECTED = "rejected", "rejected"


class Offer(models.Model):
    """A ticket that we have offered to a tracker. What it holds is not kept here."""

    activity_id = models.CharField(max_length=ID_LENGTH, unique=True)
    tracker = models.CharField(max_length=ID_LENGTH, blank=True, default="")  # empty: whoever has that inbox
    inbox_uri = models.CharField(max_length=ID_LENGTH)
    state = models.CharField(max_length=16, choices=OfferState, default=OfferState.WAITING)
    ticket = models.CharField(max_length=ID_LENGTH, blank=True, default="", db_index=True)
    answer = models.JSONField(null=True)  # the Accept, as it came
    news = models.PositiveIntegerField(default=0)  # activities about the ticket so far
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.activity_id
