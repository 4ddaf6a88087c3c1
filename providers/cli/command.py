"""The command line's arguments and environment. Nothing of the caller's stands in either but the model's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from providers.upstream import Credential, CredentialKind

PRINT_MODE = (
    "--print", "--output-format", "stream-json", "--verbose", "--include-partial-messages",
    "--no-session-persistence", "--strict-mcp-config", "--setting-sources", "",
)  # fmt: skip
PASSED = frozenset(
    (
        "PATH", "HOME", "LANG", "LANGUAGE", "TMPDIR", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR",
        "NODE_EXTRA_CA_CERTS",
    )
)  # fmt: skip
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
LOCALE_PREFIX = "LC_"
SWITCHES = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_DISABLE_ATTACHMENTS": "1",  # or a prompt's `@file` is read
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    "CLAUDE_CODE_DISABLE_TERMINAL_TITLE": "1",
    "CLAUDE_CODE_MAX_RETRIES": "1",  # other accounts are the gateway's to try
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_BUG_COMMAND": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
}
VENDOR = "https://api.anthropic.com"


@dataclass(frozen=True, slots=True)
class CliOptions:
    """The settings of all command lines of a process."""

    program: str = "claude"
    max_processes: int = 4
    timeout_seconds: float = 600.0
    output_bytes: int = 32 * 1024 * 1024
    allowed_tools: tuple[str, ...] = ()
    home: str = ""  # where the login of a provider without accounts is
    base_url: str = VENDOR


def options_from_settings() -> CliOptions:
    """Return the options as the operator set them."""
    options = settings.GATEWAY
    return CliOptions(
        options.CLAUDE_CLI_BIN,
        options.CLI_MAX_PROCESSES,
        options.CLI_TIMEOUT_SECONDS,
        options.CLI_OUTPUT_BYTES,
        options.CLI_ALLOWED_TOOLS,
        str(options.CLAUDE_CODE_HOME),
        options.UPSTREAM_BASE_URL,
    )


def arguments(options: CliOptions, model: str, system_file: Path | None) -> list[str]:
    """Return program and arguments of one run."""
    tools = ",".join(options.allowed_tools)
    command = [options.program, *PRINT_MODE, "--model", model, "--tools", tools]
    if tools:
        command += ["--allowedTools", tools]
    if system_file is not None:
        command += ["--system-prompt-file", str(system_file)]
    return command


@dataclass(frozen=True, slots=True)
class Login:
    """Who a run is for the vendor, and how it leaves."""

    credential: Credential
    own_home: Path  # an empty directory, for credentials that bring none
    proxy: str | None = None


def environment(
    options: CliOptions, login: Login, max_tokens: int | None, inherited: Mapping[str, str]
) -> dict[str, str]:
    """Return the whole environment of one run."""
    proxies = {name for each in PROXIES for name in (each, each.lower())}
    found = {
        name: value
        for name, value in inherited.items()
        if name in PASSED or name in proxies or name.startswith(LOCALE_PREFIX)
    }
    if login.proxy is not None:
        found = {name: value for name, value in found.items() if name not in proxies}
        found |= {"HTTP_PROXY": login.proxy, "HTTPS_PROXY": login.proxy}
    found |= SWITCHES
    if options.base_url.rstrip("/") != VENDOR:
        found["ANTHROPIC_BASE_URL"] = options.base_url
    if max_tokens is not None:
        found["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] = str(max_tokens)
    return found | _identity(options, login)


def _identity(options: CliOptions, login: Login) -> dict[str, str]:
    credential = login.credential
    if credential.kind is CredentialKind.HOME:
        return {"CLAUDE_CONFIG_DIR": credential.secret}
    if credential.kind is CredentialKind.NONE:
        return {"CLAUDE_CONFIG_DIR": options.home}
    name = "ANTHROPIC_API_KEY" if credential.kind is CredentialKind.API_KEY else "CLAUDE_CODE_OAUTH_TOKEN"
    return {"CLAUDE_CONFIG_DIR": str(login.own_home), name: credential.secret}
