"""Every option of the gateway: its variable (the field's name), type, flag, default and help. No Django.

`gateway/env.py` fills it, `gateway/settings.py` shows it to Django, README's table is made from it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache

from gateway.options import (
    Option,
    choice,
    integer,
    items,
    networks,
    seconds,
    secret,
    secret_list,
    secret_url,
    switch,
    time_zone,
    url,
)
from gateway.reference_options import ReferenceOptions

STRATEGIES = {
    "round-robin": "round-robin",
    "roundrobin": "round-robin",
    "rr": "round-robin",
    "priority": "priority",
    "prio": "priority",
    "least-used": "least-used",
    "weighted": "weighted",
}
LOG_LEVELS = {
    "debug": "debug",
    "info": "info",
    "warning": "warning",
    "warn": "warning",
    "error": "error",
    "critical": "critical",
}


@dataclass(frozen=True, kw_only=True)
class Options(ReferenceOptions):
    """All options: the reference's and ours."""

    SERVER: str = choice(
        "--server", "daphne", "HTTP server.", words={"daphne": "daphne", "uvicorn": "uvicorn"}
    )
    WORKERS: int = integer("--workers", 1, "Processes; more than one needs PostgreSQL and Redis.", minimum=1)
    LOG_LEVEL: str = choice("--log-level", "info", "Least important line logged.", words=LOG_LEVELS)
    LOG_FORMAT: str = choice(
        "--log-format", "text", "Form of the log lines.", words={"text": "text", "json": "json"}
    )
    ALLOW_WEAK_SECRET: bool = switch(
        "--allow-weak-secret", "Serve a public address with a short or published TOKEN_SECRET."
    )
    ALLOW_ANONYMOUS_ADMIN: bool = switch(
        "--allow-anonymous-admin", "Open the management API to everybody while there is no TOKEN_ADMIN_KEY."
    )
    METRICS_PUBLIC: bool = switch("--metrics-public", "Show /metrics to everybody.")
    TOKEN_ACCEPT_UNRECORDED: bool = switch(
        "--token-accept-unrecorded", "Accept well-signed tokens that have no stored row."
    )
    DJANGO_SECRET_KEY: str = secret(
        "--django-secret-key", "Signs sessions; empty: derived from TOKEN_SECRET."
    )
    ENCRYPTION_KEYS: tuple[str, ...] = secret_list(
        "--encryption-keys",
        "Encrypt stored secrets: the first writes, all read; empty: derived from TOKEN_SECRET.",
    )
    ALLOWED_HOSTS: tuple[str, ...] = items(
        "--allowed-hosts", "", "Host names the admin and management API answer to; empty: every one."
    )
    TRUSTED_PROXIES: tuple[str, ...] = networks(
        "--trusted-proxies", "Addresses or networks whose forwarding headers are believed."
    )
    DATABASE_URL: str = secret_url(
        "--database-url",
        "postgres://user:password@host/name; empty: SQLite in DATA_DIR.",
        schemes=("postgres", "postgresql"),
    )
    REDIS_URL: str = secret_url(
        "--redis-url",
        "redis://host:6379/0; empty: limits are kept in memory.",
        schemes=("redis", "rediss", "unix"),
    )
    REDIS_DOWN: str = choice(
        "--redis-down",
        "refuse",
        "Limited calls while Redis is away: refuse them, or count locally.",
        words={"refuse": "refuse", "local": "local"},
    )
    ALLOW_LOCAL_LIMITS: bool = switch(
        "--allow-local-limits", "Run several processes without Redis, each with limits of its own."
    )
    ANTHROPIC_API_KEY: str = secret("--anthropic-api-key", "API key of the account `api-key`.")
    ANTHROPIC_EXTRA_PATHS: tuple[str, ...] = items(
        "--anthropic-extra-paths",
        "/v1/messages/batches*,/v1/files*,/v1/skills*",
        "Paths passed on to Anthropic beside the surfaces; * at the end; empty: none.",
    )
    OAUTH_TOKEN_URL: str = url(
        "--oauth-token-url",
        "https://platform.claude.com/v1/oauth/token",
        "Where expired OAuth credentials are refreshed.",
    )
    OAUTH_WRITE_BACK: bool = switch(
        "--oauth-write-back", "Write refreshed credentials back to their file.", default=True
    )
    ACCOUNT_ROUTING_STRATEGY: str = choice(
        "--account-routing-strategy", "round-robin", "How the next account is chosen.", words=STRATEGIES
    )
    ACCOUNT_COOLDOWN_SECONDS: float = seconds(
        "--account-cooldown-seconds", 60, "Rest of an account after a limit of unknown form."
    )
    SESSION_IDLE_SECONDS: float = seconds(
        "--session-idle-seconds", 3600, "How long an idle session stays with its account."
    )
    RETRY_ATTEMPTS: int = integer("--retry-attempts", 4, "Tries per call, the first included.", minimum=1)
    RETRY_SECONDS: float = seconds("--retry-seconds", 30, "Longest time spent on the tries of one call.")
    UNKNOWN_MODEL: str = choice(
        "--unknown-model",
        "refuse",
        "A model name that no row maps, on translated surfaces: 404, or the default model.",
        words={"refuse": "refuse", "map": "map"},
    )
    RESPONSES_STORE_SECONDS: float = seconds(
        "--responses-store-seconds", 3600, "How long stored Responses can be continued; 0: not at all."
    )
    MAX_BODY_BYTES: int = integer(
        "--max-body-bytes", 33554432, "Largest request body; above it 413.", minimum=1
    )
    UPSTREAM_CONNECT_TIMEOUT_SECONDS: float = seconds(
        "--upstream-connect-timeout-seconds", 10, "Longest wait for a connection upstream.", minimum=0.001
    )
    UPSTREAM_FIRST_BYTE_TIMEOUT_SECONDS: float = seconds(
        "--upstream-first-byte-timeout-seconds",
        600,
        "Longest wait for the head of the answer.",
        minimum=0.001,
    )
    UPSTREAM_IDLE_TIMEOUT_SECONDS: float = seconds(
        "--upstream-idle-timeout-seconds",
        300,
        "Longest silence inside an answer.",
        minimum=0.001,
    )
    PING_SECONDS: float = seconds("--ping-seconds", 15, "Silence before a stream gets a ping; 0: no pings.")
    DRAIN_SECONDS: float = seconds("--drain-seconds", 600, "How long running answers may take at shutdown.")
    DRAIN_DELAY_SECONDS: float = seconds(
        "--drain-delay-seconds", 0, "How long to serve on, not ready, before the listener closes."
    )
    BUDGET_TIME_ZONE: str = time_zone(
        "--budget-time-zone", "UTC", "Where days, weeks and months of budgets begin."
    )
    UNKNOWN_PRICE: str = choice(
        "--unknown-price",
        "refuse",
        "A model without a price, called with a token that has a money budget: refuse, or count it as zero.",
        words={"refuse": "refuse", "count-zero": "count-zero"},
    )
    USAGE_RETENTION_DAYS: int = integer(
        "--usage-retention-days", 90, "Days a finished call's row is kept; 0: for ever."
    )
    SPOOL_MAX_BYTES: int = integer(
        "--spool-max-bytes", 67108864, "Largest file of rows waiting for an absent database."
    )


@cache
def table() -> dict[str, Option]:
    """Every option by the name of its variable, in the order of the table."""
    return {
        field.name: dataclasses.replace(field.metadata["option"], name=field.name)
        for field in dataclasses.fields(Options)
    }


@cache
def flags() -> dict[str, Option]:
    """Every option by its flag; secrets also by the flag that names a file."""
    found: dict[str, Option] = {}
    for option in table().values():
        found[option.flag] = option
        if option.is_secret:
            found[option.file_flag] = option
    return found
