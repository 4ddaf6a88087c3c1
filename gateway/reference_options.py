"""The options of link-assistant-router 0.18, with its names, flags, defaults and word lists. No Django."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway.options import (
    Empty,
    address,
    choice,
    directories,
    home_directory,
    integer,
    items_verbatim,
    secret,
    switch,
    text,
    url,
)

ROUTING_MODES = {
    "direct": "direct",
    "cli": "cli",
    "subprocess": "cli",
    "hybrid": "hybrid",
    "auto": "hybrid",
}
STORAGE_POLICIES = {
    "memory": "memory",
    "mem": "memory",
    "none": "memory",
    "text": "text",
    "lino": "text",
    "binary": "binary",
    "bin": "binary",
    "link-cli": "binary",
    "linkcli": "binary",
    "clink": "binary",
    "both": "both",
    "dual": "both",
}
UPSTREAM_PROVIDERS = {
    "anthropic": "anthropic",
    "claude": "anthropic",
    "gonka": "gonka",
    "crater": "crater",
    "forgefed": "crater",
    "openai-compatible": "openai-compatible",
    "openai": "openai-compatible",
    "openai_like": "openai-compatible",
    "litellm": "openai-compatible",
}
API_FORMATS = {
    "anthropic": "anthropic",
    "messages": "anthropic",
    "bedrock": "bedrock",
    "invoke": "bedrock",
    "vertex": "vertex",
    "rawpredict": "vertex",
}
DUMMY_PEM = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEA0000000000000000000000000000000000000000000=\n"
    "-----END PUBLIC KEY-----"
)


@dataclass(frozen=True, kw_only=True)
class ReferenceOptions:
    """The options of link-assistant-router 0.18, with their names, flags and defaults."""

    ROUTER_HOST: str = address("--host", "0.0.0.0", "Address to listen on.")  # noqa: S104
    ROUTER_PORT: int = integer(
        "--port", 8080, "Port to listen on; 0 takes a free one.", maximum=65535, empty=Empty.REFUSE
    )
    VERBOSE: bool = switch("--verbose", "Log at debug level.")
    TOKEN_SECRET: str = secret(
        "--token-secret", "Signs the tokens; other keys are derived from it. Required, 32 bytes or more."
    )
    TOKEN_ADMIN_KEY: str = secret(
        "--admin-key", "Bearer key of the management API, /metrics, /v1/usage and /v1/accounts."
    )
    CLAUDE_CODE_HOME: Path = home_directory(  # noqa: RUF009 - a field(), like every line here
        "--claude-code-home",
        ".claude",
        "/root",
        "Where Claude Code keeps the credential of the account `primary`.",
        empty=Empty.KEEP,
    )
    ADDITIONAL_ACCOUNT_DIRS: tuple[Path, ...] = directories(
        "--additional-account-dirs", "More such directories, one account each."
    )
    UPSTREAM_BASE_URL: str = url(
        "--upstream-base-url", "https://api.anthropic.com", "Where Anthropic calls go."
    )
    UPSTREAM_API_FORMAT: str = choice(
        "--api-format", "", "Serve this Anthropic wire format only.", words=API_FORMATS
    )
    UPSTREAM_PROVIDER: str = choice(
        "--upstream-provider",
        "anthropic",
        "Provider of calls that no route and no model list names.",
        words=UPSTREAM_PROVIDERS,
    )
    ROUTING_MODE: str = choice(
        "--routing-mode",
        "direct",
        "direct, or through a local Claude command line.",
        words=ROUTING_MODES,
        empty=Empty.REFUSE,
    )
    CLAUDE_CLI_BIN: str = text(
        "--claude-cli-bin", "claude", "That command line's program.", empty=Empty.REFUSE
    )
    STORAGE_POLICY: str = choice(
        "--storage-policy",
        "both",
        "Token files kept beside the database; memory: tokens need no stored row.",
        words=STORAGE_POLICIES,
    )
    DATA_DIR: Path = home_directory(  # noqa: RUF009 - a field(), like every line here
        "--data-dir",
        ".link-assistant-router",
        "/var/lib/link-assistant-router",
        "Database, token files and spool.",
        empty=Empty.REFUSE,
    )
    OPENAI_COMPATIBLE_PROVIDER_NAME: str = text(
        "--openai-compatible-provider-name",
        "litellm",
        "Name of the OpenAI-compatible provider to use.",
        empty=Empty.KEEP,
    )
    OPENAI_COMPATIBLE_BASE_URL: str = url(
        "--openai-compatible-base-url", "http://localhost:4000/v1", "Its address, usually ending in /v1."
    )
    OPENAI_COMPATIBLE_API_KEY: str = secret("--openai-compatible-api-key", "Its key.")
    OPENAI_COMPATIBLE_API_KEY_ENV: str = text(
        "--openai-compatible-api-key-env", "", "Name of the variable that holds its key."
    )
    OPENAI_COMPATIBLE_MODEL: str = text(
        "--openai-compatible-model", "", "Model of its requests that name none."
    )
    OPENAI_COMPATIBLE_MODELS: tuple[str, ...] = items_verbatim(
        "--openai-compatible-models", "Models it offers (blanks belong to the name)."
    )
    GONKA_PRIVATE_KEY: str = secret("--gonka-private-key", "Signs Gonka requests.")
    GONKA_SOURCE_URL: str = url("--gonka-source-url", "https://node4.gonka.ai", "Gonka node.")
    GONKA_MODEL: str = text(
        "--gonka-model",
        "Qwen/Qwen3-235B-A22B-Instruct-2507-FP8",
        "Model of Gonka requests that name none.",
        empty=Empty.KEEP,
    )
    CRATER_FORGEFED_INBOX: str = text("--crater-forgefed-inbox", "", "ForgeFed inbox of the Crater provider.")
    CRATER_FORGEFED_ACTOR: str = text(
        "--crater-forgefed-actor", "", "Our actor there; empty: <actor base>/actor/code."
    )
    CRATER_FORGEFED_TARGET: str = text(
        "--crater-forgefed-target", "", "Target of the Offer; empty: the inbox."
    )
    CRATER_POLL_INTERVAL_MS: int = integer(
        "--crater-poll-interval-ms", 1000, "Milliseconds between two polls.", empty=Empty.REFUSE
    )
    CRATER_POLL_TIMEOUT_SECS: int = integer(
        "--crater-poll-timeout-secs", 120, "Seconds until a task is given up.", empty=Empty.REFUSE
    )
    ACTIVITYPUB_ACTOR_BASE_URL: str = url(
        "--activitypub-actor-base-url",
        "",
        "Public address of this gateway; empty: http://<host>:<port>.",
        empty=Empty.UNSET,
    )
    ACTIVITYPUB_PUBLIC_KEY_PEM: str = text(
        "--activitypub-public-key-pem",
        DUMMY_PEM,
        "Public key that the actor shows.",
        empty=Empty.KEEP,
    )
    DISABLE_OPENAI_API: bool = switch("--disable-openai-api", "Do not serve the OpenAI surfaces.")
    DISABLE_ANTHROPIC_API: bool = switch("--disable-anthropic-api", "Do not serve the Anthropic surfaces.")
    DISABLE_METRICS: bool = switch("--disable-metrics", "Do not serve /metrics, /v1/usage and /v1/accounts.")
    EXPERIMENTAL_COMPATIBILITY: bool = switch(
        "--experimental-compatibility", "Reserved by the reference; changes nothing there or here."
    )
    MPP_ENABLE: bool = switch("--mpp-enable", "Ask OpenAI surfaces' callers for a payment (402).")
    MPP_AMOUNT: str = text("--mpp-amount", "0.00", "Amount per request.", empty=Empty.KEEP)
    MPP_CURRENCY: str = text("--mpp-currency", "USD", "Its currency.", empty=Empty.KEEP)
    MPP_RECIPIENT: str = text("--mpp-recipient", "", "Who is paid; without one nothing is asked.")
    MPP_METHOD: str = text("--mpp-method", "", "Payment method to name, such as stripe.")
