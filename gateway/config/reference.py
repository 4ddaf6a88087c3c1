"""The options of link-assistant-router 0.18, with its names, flags, defaults and word lists. No Django."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway.config.options import (
    Empty,
    address,
    choice,
    directories,
    home_directory,
    integer,
    items,
    items_verbatim,
    lines,
    secret,
    switch,
    text,
    url,
)

DUMMY_PEM = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEA0000000000000000000000000000000000000000000=\n"
    "-----END PUBLIC KEY-----"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class ReferenceOptions:
    """Options that the reference has, too."""

    ROUTER_HOST: str = address("0.0.0.0", "Address to listen on.", flag="--host")  # noqa: S104
    ROUTER_PORT: int = integer(
        8080, "Port to listen on; 0 takes a free one.", flag="--port", maximum=65535, empty=Empty.REFUSE
    )
    VERBOSE: bool = switch("Log at debug level.")
    TOKEN_SECRET: str = secret(
        "Signs the tokens; other keys are derived from it. Required, 32 bytes or more."
    )
    TOKEN_ADMIN_KEY: str = secret(
        "Bearer key of the management API, /metrics, /v1/usage and /v1/accounts.", flag="--admin-key"
    )
    CLAUDE_CODE_HOME: Path = home_directory(  # noqa: RUF009 - a field(), like every line here
        ".claude",
        "/root",
        "Where Claude Code keeps the credential of the account `primary`.",
        empty=Empty.KEEP,
    )
    ADDITIONAL_ACCOUNT_DIRS: tuple[Path, ...] = directories("More such directories, one account each.")
    UPSTREAM_BASE_URL: str = url("https://api.anthropic.com", "Where Anthropic calls go.")
    UPSTREAM_API_FORMAT: str = choice(
        "",
        "Serve only this form of Anthropic's API.",
        flag="--api-format",
        words="anthropic messages | bedrock invoke | vertex rawpredict",
    )
    UPSTREAM_PROVIDER: str = choice(
        "anthropic",
        "Provider for calls that no route and no model list covers.",
        words="anthropic claude | gonka | crater forgefed | openai-compatible openai openai_like litellm",
    )
    ROUTING_MODE: str = choice(
        "direct",
        "Calls go direct, through a local Claude command line, or there when no account can serve (hybrid).",
        words="direct | cli subprocess | hybrid auto",
        empty=Empty.REFUSE,
    )
    CLAUDE_CLI_BIN: str = text("claude", "Program of that command line.", empty=Empty.REFUSE)
    STORAGE_POLICY: str = choice(
        "both",
        "Token files written beside the database; memory: tokens need no stored row.",
        words="memory mem none | text lino | binary bin link-cli linkcli clink | both dual",
    )
    DATA_DIR: Path = home_directory(  # noqa: RUF009 - a field(), like every line here
        ".link-assistant-router",
        "/var/lib/link-assistant-router",
        "Database, token files and spool.",
        empty=Empty.REFUSE,
    )
    OPENAI_COMPATIBLE_PROVIDER_NAME: str = text(
        "litellm", "Name of the OpenAI-compatible provider to use.", empty=Empty.KEEP
    )
    OPENAI_COMPATIBLE_BASE_URL: str = url("http://localhost:4000/v1", "Its address, usually ending in /v1.")
    OPENAI_COMPATIBLE_API_KEY: str = secret("Its key.")
    OPENAI_COMPATIBLE_API_KEY_ENV: str = text("", "Name of the variable that holds its key.")
    OPENAI_COMPATIBLE_MODEL: str = text("", "Model for its requests that name none.")
    OPENAI_COMPATIBLE_MODELS: tuple[str, ...] = items_verbatim(
        "Models it offers (spaces belong to the name)."
    )
    GONKA_PRIVATE_KEY: str = secret(
        "Signs Gonka requests; mode `signed`: 64 hex digits, mode `reference`: any text."
    )
    GONKA_SOURCE_URL: str = url("https://node4.gonka.ai", "Gonka node; mode `signed` asks it for all others.")
    GONKA_MODEL: str | None = text(
        None,
        "Model of Gonka requests that name none; not set: the network's first, in mode `reference` "
        "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8.",
        empty=Empty.KEEP,
    )
    CRATER_FORGEFED_INBOX: str = text("", "ForgeFed inbox of the Crater provider.")
    CRATER_FORGEFED_ACTOR: str = text("", "Our actor there; empty: <actor base>/actor/code.")
    CRATER_FORGEFED_TARGET: str = text("", "Target of the Offer; empty: the inbox.")
    CRATER_POLL_INTERVAL_MS: int = integer(1000, "Milliseconds between polls.", empty=Empty.REFUSE)
    CRATER_POLL_TIMEOUT_SECS: int = integer(120, "Seconds until a task is abandoned.", empty=Empty.REFUSE)
    ACTIVITYPUB_ACTOR_BASE_URL: str = url(
        "", "Public address of our actor; empty: PUBLIC_URL, else http://<host>:<port>.", empty=Empty.UNSET
    )
    ACTIVITYPUB_PUBLIC_KEY_PEM: str = lines(DUMMY_PEM, "Public key that the actor shows.", empty=Empty.KEEP)
    DISABLE_OPENAI_API: bool = switch("Do not serve the OpenAI surfaces.")
    DISABLE_ANTHROPIC_API: bool = switch("Do not serve the Anthropic surfaces.")
    DISABLE_METRICS: bool = switch("Do not serve /metrics, /v1/usage and /v1/accounts.")
    EXPERIMENTAL_COMPATIBILITY: bool = switch("Sets EXPERIMENTAL_XML_TOOLS and EXPERIMENTAL_ASKED_MODEL.")
    MPP_ENABLE: bool = switch("Ask callers to pay for each call (402), on the surfaces of MPP_SURFACES.")
    MPP_AMOUNT: str = text("0.00", "Amount per call.", empty=Empty.KEEP)
    MPP_CURRENCY: str = text("USD", "Its currency: an ISO 4217 code, or sat.", empty=Empty.KEEP)
    MPP_RECIPIENT: str = text("", "Who is paid. Required with MPP_ENABLE.")
    MPP_METHOD: tuple[str, ...] = items(
        "", "Ways to pay, preferred first: stripe, lightning, test; empty: nobody can pay."
    )
