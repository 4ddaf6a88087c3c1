"""Rows: places to call, where each model goes, and one counter that tells processes of changes.

Secrets (keys, extra headers) are stored encrypted, bound to the provider's name.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from providers.drivers.table import DEFAULT_KIND, DRIVERS

ONLY_ROW = 1


def kinds() -> list[tuple[str, str]]:
    """Return the kinds that can be chosen: whatever the table of drivers has."""
    return [(driver.kind, driver.label) for driver in DRIVERS.values()]


class Responses(models.TextChoices):
    """The answers to whether an OpenAI-compatible provider has the Responses API itself."""

    AUTO = "auto", "auto: native until the first 404 or 405, remembered for an hour"
    NATIVE = "native", "native"
    TRANSLATE = "translate", "translated to Chat Completions"
    ONLY = "only", "only: every surface is carried over Responses"


POOL, CALLER = "pool", "caller"


class Login(models.TextChoices):
    """The answers to whose login a provider is called with."""

    POOL = POOL, "pool: our accounts and keys"
    CALLER = CALLER, "caller: each caller's own, passed through"


class Provider(models.Model):
    """One place to call."""

    name = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=32, choices=kinds, default=DEFAULT_KIND)
    base_url = models.CharField(
        "base URL",
        max_length=1024,
        blank=True,
        default="",
        help_text="http(s)://host[:port][/path], often ending in /v1; clouds and command lines need none",
    )
    default_model = models.CharField(
        max_length=255, blank=True, default="", help_text="For calls that name no model"
    )
    model_names = models.JSONField(
        default=list, blank=True, help_text='Model names that lead here: ["gpt-5.1", "o4-mini"]'
    )
    encrypted_api_key = models.TextField(blank=True, default="", editable=False)
    api_key_env = models.CharField(
        "API key variable",
        max_length=255,
        blank=True,
        default="",
        help_text="The environment variable that holds the key; goes before a stored one",
    )
    encrypted_headers = models.TextField(blank=True, default="", editable=False)
    header_names = models.JSONField(default=list, blank=True, editable=False)
    connect_timeout_seconds = models.FloatField(null=True, blank=True, help_text="Empty: as configured")
    first_byte_timeout_seconds = models.FloatField(null=True, blank=True, help_text="Empty: as configured")
    idle_timeout_seconds = models.FloatField(null=True, blank=True, help_text="Empty: as configured")
    is_enabled = models.BooleanField("enabled", default=True)
    priority = models.PositiveIntegerField(default=100, help_text="Lower goes first")
    responses = models.CharField(
        max_length=16, choices=Responses, default=Responses.AUTO, help_text="Responses API"
    )

    login = models.CharField(
        max_length=16,
        choices=Login,
        default=Login.POOL,
        help_text="Whose login it is called with; callers send our token as x-la-token then",
    )

    options = models.JSONField(
        default=dict, blank=True, help_text='What only its kind knows, as texts: {"mode": "signed"}'
    )

    model_ids = models.JSONField(
        default=dict, blank=True, help_text='What models are called there: {"claude-x": "anthropic.claude-x"}'
    )

    class Meta:
        db_table = "providers_provider"
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Route(models.Model):
    """The place where calls for a model go.

    Providers are named, not keyed: removing one blocks nothing.
    """

    model = models.CharField(max_length=255, unique=True, help_text="A name, or a pattern with *")
    provider = models.CharField(max_length=64, help_text="The provider's name")
    upstream_model = models.CharField(
        max_length=255,
        blank=True,
        default="",
        help_text="Its name there; empty: as asked; * stands for what the pattern's * matched",
    )
    fallbacks = models.JSONField(
        default=list,
        blank=True,
        help_text='Tried in order when the call fails: [{"provider": "b", "model": "m"}]',
    )
    priority = models.PositiveIntegerField(default=100, help_text="Lower goes first")
    is_listed = models.BooleanField("listed", default=True, help_text="Show the name in /v1/models")
    display_name = models.CharField(max_length=255, blank=True, default="")

    class Meta:
        db_table = "providers_route"
        ordering: ClassVar = ["priority", "model"]

    def __str__(self) -> str:
        return self.model


class ModelMap(models.Model):
    """The Anthropic model that answers for a name that OpenAI's clients ask for."""

    pattern = models.CharField(max_length=255, unique=True, help_text="A name, or a pattern with *; any case")
    target = models.CharField(max_length=255, help_text="The Anthropic model")
    position = models.PositiveIntegerField(default=100, help_text="Lower is looked at first")

    class Meta:
        db_table = "providers_model_map"
        ordering: ClassVar = ["position", "pattern"]
        verbose_name = "model map entry"
        verbose_name_plural = "model map"

    def __str__(self) -> str:
        return f"{self.pattern} → {self.target}"


class ProviderClear(models.Model):
    """The operator's last clear of a provider: what was held against it until then is forgotten.

    By name, for a provider of the settings has no row.
    """

    provider = models.CharField(max_length=64, primary_key=True)
    revision = models.PositiveBigIntegerField()

    class Meta:
        db_table = "providers_clear"

    def __str__(self) -> str:
        return f"{self.provider} {self.revision}"


class ProvidersRevision(models.Model):
    """The one row whose `value` grows with every change; readers load anew, for there are few rows."""

    value = models.PositiveBigIntegerField(default=0)

    class Meta:
        db_table = "providers_revision"

    def __str__(self) -> str:
        return str(self.value)
