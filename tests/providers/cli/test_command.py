"""Arguments and environment: exactly what is said, nothing that is inherited by chance."""

from __future__ import annotations

from pathlib import Path

from providers.cli.command import SWITCHES, CliOptions, Login, arguments, environment, options_from_settings
from providers.upstream import Credential, CredentialKind

HOME = Path("/nowhere/home")
NOBODY = Login(Credential(CredentialKind.NONE, ""), HOME)
INHERITED = {
    "PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "TZ": "UTC", "https_proxy": "http://p", "SSL_CERT_FILE": "/c",
    "NODE_OPTIONS": "--require x", "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-x", "TOKEN_SECRET": "s",
    "ANTHROPIC_API_KEY": "k", "AWS_SECRET_ACCESS_KEY": "a",
}  # fmt: skip


def test_arguments() -> None:
    assert arguments(CliOptions("c"), "claude-x", None) == [
        "c", "--print", "--output-format", "stream-json", "--verbose", "--include-partial-messages",
        "--no-session-persistence", "--strict-mcp-config", "--setting-sources", "", "--model", "claude-x",
        "--tools", "",
    ]  # fmt: skip
    command = arguments(CliOptions("c", allowed_tools=("WebSearch", "Read")), "m", Path("/s"))
    assert command[-6:] == [
        "--tools", "WebSearch,Read", "--allowedTools", "WebSearch,Read", "--system-prompt-file", "/s"
    ]  # fmt: skip


def test_the_environment_is_what_is_needed() -> None:
    options = CliOptions(home="/logins")
    found = environment(options, NOBODY, None, INHERITED)
    passed = {
        name: INHERITED[name] for name in ("PATH", "HOME", "LC_ALL", "TZ", "https_proxy", "SSL_CERT_FILE")
    }
    assert found == {**passed, **SWITCHES, "CLAUDE_CONFIG_DIR": "/logins"}


def test_limit_address_and_proxy() -> None:
    options = CliOptions(base_url="http://vendor.example")
    found = environment(options, Login(NOBODY.credential, HOME, "http://u:p@q"), 9, INHERITED)
    assert found["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] == "9"
    assert found["ANTHROPIC_BASE_URL"] == "http://vendor.example"
    assert found["HTTPS_PROXY"] == found["HTTP_PROXY"] == "http://u:p@q"
    assert "https_proxy" not in found


def test_who_a_run_is() -> None:
    def identity(kind: CredentialKind, secret: str) -> dict[str, str]:
        return environment(CliOptions(home="/logins"), Login(Credential(kind, secret), HOME), None, {})

    assert identity(CredentialKind.HOME, "/b")["CLAUDE_CONFIG_DIR"] == "/b"
    keyed = identity(CredentialKind.API_KEY, "sk-ant-api03-k")
    assert (keyed["ANTHROPIC_API_KEY"], keyed["CLAUDE_CONFIG_DIR"]) == ("sk-ant-api03-k", str(HOME))
    assert identity(CredentialKind.OAUTH, "sk-ant-oat01-o")["CLAUDE_CODE_OAUTH_TOKEN"] == "sk-ant-oat01-o"


def test_the_settings_are_the_options() -> None:
    options = options_from_settings()
    assert (options.program, options.max_processes, options.timeout_seconds) == ("claude", 4, 600.0)
    assert (options.output_bytes, options.allowed_tools) == (33554432, ())
