"""Every option of the gateway: its variable (the field's name), type, default and help. No Django.

The flag is the name in kebab case, where the line gives no `flag`. `gateway/config/reading.py` fills the table,
`settings.GATEWAY` holds it, and the table in docs/settings.md is made from it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Any

from gateway.config.options import (
    Empty,
    Option,
    checked_text,
    choice,
    integer,
    items,
    networks,
    seconds,
    secret,
    secret_lines,
    secret_list,
    secret_url,
    switch,
    text,
    time_zone,
    url,
)
from gateway.config.reference import ReferenceOptions
from gateway.config.signing_in import check_notice, check_public_url
from gateway.kernel import header_pairs
from providers.gonka.nodes import parse_endpoints

HEADERS: Any = {"expected": "a comma list of name=value", "parse": header_pairs.parse}


@dataclass(frozen=True, kw_only=True, eq=False)
class Options(ReferenceOptions):
    """All options, each with its value. Nobody compares two, and without that every start is a little cheaper."""

    GONKA_MODE: str = choice(
        "",
        "Through a broker, at the nodes with signed calls, or as the Rust router calls it; empty: broker if URL and "
        "key of one are set, else reference.",
        words="broker | signed | reference",
    )
    GONKA_BROKER_URL: str = url("", "A Gonka broker, usually ending in /v1.", empty=Empty.UNSET)
    GONKA_BROKER_API_KEY: str = secret("Its key.")
    GONKA_ENDPOINTS: str = checked_text(
        "Nodes of mode `signed`: url;address,url;address; empty: GONKA_SOURCE_URL is asked for them.",
        "a comma list of url;address",
        parse_endpoints,
    )
    CLI_MAX_PROCESSES: int = integer(
        4, "Command lines that one worker runs at once; other calls wait.", minimum=1
    )
    CLI_TIMEOUT_SECONDS: float = seconds(
        600, "Longest run of a command line, and longest wait for one.", minimum=0.001
    )
    CLI_OUTPUT_BYTES: int = integer(33554432, "Largest output of one command line; above it 502.", minimum=1)
    CLI_ALLOWED_TOOLS: tuple[str, ...] = items(
        "", "Tools that command lines may use on this machine without asking; empty: none."
    )
    EXPERIMENTAL_XML_TOOLS: bool = switch(
        "Describe tools as XML in the text for OpenAI-compatible providers that refuse them, and read calls back."
    )
    EXPERIMENTAL_ASKED_MODEL: bool = switch("Answers name the model that was asked for, whichever served.")
    SERVER: str = choice("daphne", "HTTP server.", words="daphne | uvicorn")
    WORKERS: int = integer(1, "Processes; more than one needs PostgreSQL and Redis.", minimum=1)
    LOG_LEVEL: str = choice(
        "info", "Lowest level that is logged.", words="debug | info | warning warn | error | critical"
    )
    LOG_FORMAT: str = choice("text", "Format of the log lines.", words="text | json")
    ALLOW_WEAK_SECRET: bool = switch("Serve a public address with a short or published TOKEN_SECRET.")
    ALLOW_ANONYMOUS_ADMIN: bool = switch(
        "Open the management API to everybody while there is no TOKEN_ADMIN_KEY."
    )
    METRICS_PUBLIC: bool = switch("Show /metrics to everybody.")
    API_DOCS_PUBLIC: bool = switch("Show /api/docs and /api/openapi.json to everybody.")
    OTLP_FORWARD_URL: str = url(
        "",
        "Collector (OTLP over HTTP) that Claude Code's telemetry is sent on to; empty: it is dropped unread.",
        empty=Empty.UNSET,
    )
    OTLP_FORWARD_HEADERS: tuple[tuple[str, str], ...] = secret_list(
        "Headers for that collector: name=value,name=value.", **HEADERS
    )
    OTEL_EXPORTER_OTLP_ENDPOINT: str = url(
        "",
        "Collector (OTLP over HTTP) that traces of our own calls go to; needs the extra `otel`; empty: none are made.",
        empty=Empty.UNSET,
    )
    OTEL_EXPORTER_OTLP_HEADERS: tuple[tuple[str, str], ...] = secret_list("Headers for it.", **HEADERS)
    TOKEN_ACCEPT_UNRECORDED: bool = switch("Accept well-signed tokens that have no stored row.")
    DJANGO_SECRET_KEY: str = secret("Signs sessions; empty: derived from TOKEN_SECRET.")
    ENCRYPTION_KEYS: tuple[str, ...] = secret_list(
        "Encrypt stored secrets: the first writes, all read; empty: derived from TOKEN_SECRET."
    )
    ALLOWED_HOSTS: tuple[str, ...] = items(
        "", "Host names that the admin and management API answer to; empty: all."
    )
    TRUSTED_PROXIES: tuple[str, ...] = networks("Addresses or networks whose forwarding headers are trusted.")
    EGRESS_ALLOWED_NETWORKS: tuple[str, ...] = networks(
        "Addresses or networks that may be called where somebody else names the address, also by http and on any"
        " port; empty: public addresses by https on port 443 only."
    )
    ACTIVITYPUB_PRIVATE_KEY_PEM: str = secret_lines(
        "Own RSA key of our actor, PKCS#8 or PKCS#1; empty: one is made and kept encrypted."
    )
    FORGEFED_ALLOW_UNSIGNED: bool = switch(
        "Answer unsigned posts to the inbox as the Rust router does; they change nothing."
    )
    FORGEFED_SIGNATURE_WINDOW_SECONDS: float = seconds(
        300, "How far a signature's time may differ from our clock.", minimum=1
    )
    FORGEFED_PAGE_SIZE: int = integer(50, "Items per page of the outbox and of followers.", minimum=1)
    FORGEFED_RETRY_SECONDS: float = seconds(
        60, "First wait after a failed delivery; doubles, 6 h at most.", minimum=0.001
    )
    FORGEFED_GIVE_UP_SECONDS: float = seconds(432000, "Time after which a delivery is abandoned.")
    FORGEFED_DELIVER_IN_SERVE: bool = switch(
        "Deliver inside `serve`; false: only `router deliver` does.", default=True
    )
    PUBLIC_URL: str = checked_text(
        "Address of the gateway as people and their clients see it; empty: they sign in on this machine only.",
        "an address without a path: https://, or http:// with a name of this machine",
        check_public_url,
    )
    SIGN_IN_TOKEN_SECONDS: float = seconds(3600, "How long the bearer of a sign-in is valid.", minimum=1)
    SIGN_IN_SECONDS: float = seconds(
        2592000,
        "How long a sign-in is refreshed before its person goes through the browser again.",
        minimum=1,
    )
    SIGN_IN_GRACE_SECONDS: float = seconds(
        30, "How long the refresh token that was used last is good once more; later its use ends the sign-in."
    )
    DEVICE_CODE_SECONDS: float = seconds(600, "How long a sign-in code is valid.", minimum=1)
    DEVICE_POLL_SECONDS: float = seconds(5, "Pause between two polls of a waiting client.", minimum=1)
    DEVICE_STARTS: int = integer(30, "Sign-ins that one address may begin in ten minutes.", minimum=1)
    DEVICE_TRIES: int = integer(10, "Wrong codes that one address may enter in ten minutes.", minimum=1)
    LOGIN_NOTICE: str = checked_text(
        "Notice shown to people who sign in, on the page and in the client.",
        "a plain text of at most 500 characters",
        check_notice,
    )
    LOGIN_LOCK_SECONDS: float = seconds(
        900,
        "Time without logins after five wrong passwords or codes of one name from one address, fifty of one address.",
    )
    OIDC_ISSUER: str = url("", "OpenID Connect issuer where people can also sign in.", empty=Empty.UNSET)
    OIDC_CLIENT_ID: str = text("", "Our client there; its redirect URI: <PUBLIC_URL>/oauth/callback.")
    OIDC_CLIENT_SECRET: str = secret("Its secret.")
    OIDC_SCOPES: str = text(
        "openid profile email", "Scopes to request; with offline_access, people removed there are out here."
    )
    OIDC_GROUPS_CLAIM: str = text("groups", "Claim with a person's groups.")
    OIDC_ALLOWED_DOMAINS: tuple[str, ...] = items(
        "", "Domains of e-mail addresses that are let in; empty: all of the issuer's people."
    )
    OIDC_ROLES: tuple[str, ...] = items(
        "", "Roles by groups of the issuer, as in staff=admin; empty: the issuer gives no roles."
    )
    DATABASE_URL: str = secret_url(
        "postgres://user:password@host/name; empty: SQLite in DATA_DIR.", schemes=("postgres", "postgresql")
    )
    REDIS_URL: str = secret_url(
        "redis://host:6379/0; empty: limits are kept in memory.", schemes=("redis", "rediss", "unix")
    )
    REDIS_DOWN: str = choice(
        "refuse", "Limited calls while Redis is away: refuse them, or count locally.", words="refuse | local"
    )
    ALLOW_LOCAL_LIMITS: bool = switch("Run several processes without Redis, each counting limits alone.")
    ANTHROPIC_API_KEY: str = secret("API key of the account `api-key`.")
    ANTHROPIC_EXTRA_PATHS: tuple[str, ...] = items(
        "/v1/messages/batches*,/v1/files*,/v1/skills*",
        "Paths passed on to Anthropic beside the surfaces; * at the end; empty: none.",
    )
    STORED_OBJECTS: str = choice(
        "own",
        "Batches, files and other objects that a vendor stores: each token sees its own, or every token sees all.",
        words="own | shared",
    )
    OAUTH_TOKEN_URL: str = url(
        "https://platform.claude.com/v1/oauth/token", "Where expired OAuth credentials are refreshed."
    )
    OAUTH_WRITE_BACK: bool = switch("Write refreshed credentials back to their file.", default=True)
    ACCOUNT_ROUTING_STRATEGY: str = choice(
        "round-robin",
        "How the next account is chosen.",
        words="round-robin roundrobin rr | priority prio | least-used | weighted",
    )
    ACCOUNT_COOLDOWN_SECONDS: float = seconds(60, "Cooldown of an account after a limit of unknown form.")
    SESSION_IDLE_SECONDS: float = seconds(3600, "How long an idle session stays with its account.")
    RETRY_ATTEMPTS: int = integer(4, "Upstream calls per client call, including the first.", minimum=1)
    RETRY_SECONDS: float = seconds(30, "Time after which a client call starts no further upstream call.")
    UNKNOWN_MODEL: str = choice(
        "refuse",
        "A model name that no row maps, on translated surfaces: 404, or the default model.",
        words="refuse | map",
    )
    RESPONSES_STORE_SECONDS: float = seconds(3600, "How long stored Responses can be continued; 0: never.")
    RESPONSES_WEBSOCKET: bool = switch(
        "Serve the Responses API over a WebSocket too; off: clients are told to use HTTP.", default=True
    )
    MAX_BODY_BYTES: int = integer(33554432, "Largest request body; above it 413.", minimum=1)
    UPSTREAM_CONNECT_TIMEOUT_SECONDS: float = seconds(
        10, "Longest wait for a connection upstream.", minimum=0.001
    )
    UPSTREAM_FIRST_BYTE_TIMEOUT_SECONDS: float = seconds(
        600, "Longest wait for the head of the answer.", minimum=0.001
    )
    UPSTREAM_IDLE_TIMEOUT_SECONDS: float = seconds(300, "Longest silence inside an answer.", minimum=0.001)
    PING_SECONDS: float = seconds(15, "Silence before a stream gets a ping; 0: no pings.")
    DRAIN_SECONDS: float = seconds(600, "How long running answers may take at shutdown.")
    DRAIN_DELAY_SECONDS: float = seconds(
        0, "How long to keep serving, not ready, before the listener closes."
    )
    BUDGET_TIME_ZONE: str = time_zone("UTC", "Where days, weeks and months of budgets begin.")
    UNKNOWN_PRICE: str = choice(
        "refuse",
        "A model without a price, called with a token that has a money budget: refuse, or count it as zero.",
        words="refuse | count-zero",
    )
    BUDGET_HOLD: str = choice(
        "learned",
        "What a running call holds of a money budget: what similar calls cost lately, or the most it could cost.",
        words="learned | worst-case",
    )
    USAGE_RETENTION_DAYS: int = integer(90, "Days that a finished call's row is kept; 0: for ever.")
    DISABLE_CONSOLE: bool = switch(
        "Do not serve /console/, /me/, /setup/ and /handover/; the admin and the API stay."
    )
    SETUP_LINK_SECONDS: float = seconds(900, "How long the set-up link for the first admin works.", minimum=1)
    EMAIL_URL: str = secret_url(
        "Mail server of alerts: smtp://, smtp+tls:// (STARTTLS), smtp+ssl://user:password@host:port; empty: no mail.",
        schemes=("smtp", "smtp+tls", "smtp+ssl"),
    )
    EMAIL_FROM: str = text("", "Address that alerts are mailed from; required with EMAIL_URL.")
    ALERT_RETRY_SECONDS: float = seconds(
        5, "First wait after an alert could not be delivered; doubles.", minimum=0.001
    )
    ALERT_GIVE_UP_SECONDS: float = seconds(86400, "Time after which an alert is abandoned.")
    HANDOVER_SECONDS: float = seconds(86400, "How long a link that hands over a token works.", minimum=1)
    AUDIT_RETENTION_DAYS: int = integer(365, "Days that the audit is kept; 0: for ever.")
    REQUEST_LOG_SAMPLE_PERCENT: int = integer(
        0,
        "Share of all calls whose texts the request log keeps, beside tokens with log_requests.",
        maximum=100,
    )
    REQUEST_LOG_MAX_BYTES: int = integer(
        65536, "How much of a request, and of an answer, is kept; the rest is cut.", minimum=1
    )
    REQUEST_LOG_RETENTION_DAYS: int = integer(7, "Days that texts are kept; 0: for ever.")
    SPOOL_MAX_BYTES: int = integer(67108864, "Largest file of rows that wait while the database is down.")
    MPP_SECRET: tuple[str, ...] = secret_list(
        "Bind challenges, 32 bytes or more each: the first signs, all verify; empty: derived from TOKEN_SECRET."
    )
    MPP_REALM: str = text("", "Realm of challenges; empty: the host of ACTIVITYPUB_ACTOR_BASE_URL.")
    MPP_EXPIRES_SECONDS: float = seconds(300, "How long a challenge can be paid.", minimum=1)
    MPP_SURFACES: str = choice("openai", "Surfaces that ask for a payment.", words="openai | anthropic | all")
    MPP_ANONYMOUS: bool = switch("Callers that pay need no token.")
    MPP_ALLOW_TEST: bool = switch("Allow MPP_METHOD=test, which costs nobody anything.")
    MPP_STRIPE_SECRET_KEY: str = secret("Stripe's secret key; without it nobody can pay by stripe.")
    MPP_STRIPE_NETWORK_ID: str = text("", "Stripe's Business Network profile; required with the key.")
    MPP_STRIPE_PAYMENT_METHOD_TYPES: tuple[str, ...] = items("card", "Kinds of payment that Stripe takes.")
    MPP_STRIPE_API_URL: str = url("https://api.stripe.com", "Where Stripe's API is.")
    MPP_LIGHTNING_API_URL: str = url("", "Address of an LND node's HTTP API.", empty=Empty.UNSET)
    MPP_LIGHTNING_MACAROON: str = secret("Its macaroon, hexadecimal; without it nobody can pay by lightning.")


@cache
def table() -> dict[str, Option]:
    """Return every option by the name of its variable, in the order of the table."""
    found: dict[str, Option] = {}
    for field in dataclasses.fields(Options):
        option: Option = field.metadata["option"]
        flag = option.flag or "--" + field.name.lower().replace("_", "-")
        found[field.name] = dataclasses.replace(option, name=field.name, flag=flag)
    return found


@cache
def flags() -> dict[str, Option]:
    """Return every option by its flag; secrets also by the flag that names a file."""
    found: dict[str, Option] = {}
    for option in table().values():
        found[option.flag] = option
        if option.is_secret:
            found[option.file_flag] = option
    return found
