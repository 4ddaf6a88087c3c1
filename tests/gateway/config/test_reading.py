"""Precedence, flags, files of secrets, and the texts of refusals."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.config import checks, reading
from gateway.config.options import ConfigurationError

ROOT = Path(__file__).resolve().parents[3]


def load(environment: dict[str, str]) -> reading.Options:
    return reading.load({"TOKEN_SECRET": "s" * 32, "HOME": "/home/u", **environment})


def test_flags_are_taken_from_before_and_after_the_subcommand() -> None:
    environment: dict[str, str] = {}
    rest = reading.take_flags(["--port", "4444", "serve", "--verbose", "--host=127.0.0.1"], environment)
    assert rest == ["serve"]
    assert environment == {"ROUTER_PORT": "4444", "VERBOSE": "true", "ROUTER_HOST": "127.0.0.1"}


def test_foreign_flags_and_all_behind_two_dashes_are_left_alone() -> None:
    environment: dict[str, str] = {}
    arguments = ["tokens", "issue", "--label", "x", "--", "--port", "1"]
    assert reading.take_flags(arguments, environment) == arguments
    assert environment == {}


def test_a_flag_beats_the_environment_in_both_of_a_secrets_forms() -> None:
    environment = {"TOKEN_SECRET_FILE": "/x", "TOKEN_ADMIN_KEY": "a"}
    reading.take_flags(["--token-secret", "abc", "--admin-key-file", "/k"], environment)
    assert environment == {"TOKEN_SECRET": "abc", "TOKEN_ADMIN_KEY_FILE": "/k"}


def test_a_list_may_be_given_in_parts() -> None:
    environment = {"ADDITIONAL_ACCOUNT_DIRS": "/c"}
    arguments = ["--additional-account-dirs", "/a", "--additional-account-dirs=/b,/d"]
    assert reading.take_flags(arguments, environment) == []
    assert environment == {"ADDITIONAL_ACCOUNT_DIRS": "/a,/b,/d"}


def test_files_are_looked_for_here_then_where_it_is_installed_and_never_above(tmp_path: Path) -> None:
    here, home = tmp_path / "above" / "here", tmp_path / "home"
    for path in (here, home):
        path.mkdir(parents=True)
    (tmp_path / "above" / ".env").write_text("MPP_METHOD=above\n")
    environment = {"ROUTER_HOME": str(home)}
    assert reading.folder(here, environment) == home
    assert reading.folder(here, {}) == ROOT
    (here / ".lenv").write_text("MPP_METHOD: here\n")
    assert reading.folder(here, environment) == here
    reading.load_files(here, environment)
    assert reading.files_in_use() == [here / ".lenv"]


def test_a_switch_can_be_given_a_value() -> None:
    environment: dict[str, str] = {}
    reading.take_flags(["--oauth-write-back=false"], environment)
    assert load(environment).OAUTH_WRITE_BACK is False


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--port", "1", "serve", "--port", "2"], "--port is given more than once"),
        (["--verbose", "--verbose"], "--verbose is given more than once"),
        (["--token-secret", "a", "--token-secret-file", "b"], "--token-secret-file is given more than once"),
        (["serve", "--port"], "--port needs a value"),
    ],
)
def test_a_wrong_use_of_a_flag_is_refused(arguments: list[str], text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{text}$"):
        reading.take_flags(arguments, {})


def test_environment_then_lenv_then_env(tmp_path: Path) -> None:
    (tmp_path / ".lenv").write_text("ROUTER_PORT: 2\nCRATER_FORGEFED_INBOX: \nMPP_METHOD: lenv\n")
    (tmp_path / ".env").write_text(
        "ROUTER_PORT=1\nCRATER_FORGEFED_INBOX=v\nMPP_METHOD=env\nMPP_RECIPIENT=${MPP_METHOD}\nOTHER=kept\n"
    )
    environment = {"MPP_METHOD": "", "HOME": "/h"}
    reading.load_files(tmp_path, environment)
    assert environment == {
        "HOME": "/h",
        "MPP_METHOD": "",  # present and empty: hides the files
        "ROUTER_PORT": "2",
        "CRATER_FORGEFED_INBOX": "",
        "MPP_RECIPIENT": "${MPP_METHOD}",
        "OTHER": "kept",
    }


def test_a_file_of_a_secret_hides_the_secret_of_a_lower_level(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-file\n")
    (tmp_path / ".env").write_text("TOKEN_ADMIN_KEY=from-env\n")
    environment = {"TOKEN_ADMIN_KEY_FILE": str(tmp_path / "key")}
    reading.load_files(tmp_path, environment)
    assert reading.load(environment).TOKEN_ADMIN_KEY == "from-file"


def test_lenv_that_is_not_utf8_is_ignored_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / ".lenv").write_bytes(b"ROUTER_PORT: 2\nX: \xff\n")
    environment: dict[str, str] = {}
    reading.load_files(tmp_path, environment)
    assert environment == {}
    assert reading.left_out == [".lenv is left out: line 2 is not UTF-8 text"]
    assert next(problem.msg for problem in checks.serving()) == reading.left_out[0]
    with pytest.raises(ConfigurationError, match=r"TOKEN_SECRET .*is required; \.lenv is left out"):
        reading.require_secret(reading.Options())
    reading.load_files(tmp_path / "elsewhere", {})
    assert reading.left_out == []


def test_a_line_of_env_with_a_zero_byte_is_skipped(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=1\0\nB=2\n")
    environment: dict[str, str] = {}
    reading.load_files(tmp_path, environment)
    assert environment == {"B": "2"}


def test_bytes_of_the_environment_that_are_no_text_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="TOKEN_ADMIN_KEY is not UTF-8 text"):
        load({"TOKEN_ADMIN_KEY": "\udcff"})


def test_secret_and_its_file_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="REDIS_URL and REDIS_URL_FILE are both set; keep one"):
        load({"REDIS_URL": "redis://x", "REDIS_URL_FILE": "/x"})


def test_unreadable_file_of_a_secret_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="TOKEN_ADMIN_KEY_FILE: can't read '/no/such'"):
        load({"TOKEN_ADMIN_KEY_FILE": "/no/such"})


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("ROUTING_MODE", "proxy", "ROUTING_MODE must be one of: direct, cli, hybrid (got 'proxy')"),
        ("ROUTING_MODE", "", "ROUTING_MODE must be one of: direct, cli, hybrid (got '')"),
        ("STORAGE_POLICY", "zzz", "STORAGE_POLICY must be one of: memory, text, binary, both (got 'zzz')"),
        (
            "UPSTREAM_PROVIDER",
            "openai-like",
            "UPSTREAM_PROVIDER must be one of: anthropic, gonka, crater, openai-compatible (got 'openai-like')",
        ),
        ("ROUTER_PORT", "65536", "ROUTER_PORT must be a whole number from 0 to 65535 (got '65536')"),
        ("ROUTER_PORT", "", "ROUTER_PORT must be a whole number from 0 to 65535 (got '')"),
        ("ROUTER_HOST", "localhost", "ROUTER_HOST must be an IP address, IPv6 in brackets (got 'localhost')"),
        ("ROUTER_HOST", "::1", "ROUTER_HOST must be an IP address, IPv6 in brackets (got '::1')"),
        ("VERBOSE", "maybe", "VERBOSE must be one of: true, false, 1, 0, yes, no, on, off (got 'maybe')"),
        ("PING_SECONDS", "soon", "PING_SECONDS must be a number of seconds, at least 0 (got 'soon')"),
        ("PING_SECONDS", "nan", "PING_SECONDS must be a number of seconds, at least 0 (got 'nan')"),
        ("WORKERS", "0", "WORKERS must be a whole number from 1 (got '0')"),
        (
            "TRUSTED_PROXIES",
            "nginx",
            "TRUSTED_PROXIES must be a comma list of IP addresses or networks (10.0.0.0/8) (got 'nginx')",
        ),
        (
            "ADDITIONAL_ACCOUNT_DIRS",
            "/a,",
            "ADDITIONAL_ACCOUNT_DIRS must be a comma list of directories, none of them empty (got '/a,')",
        ),
        (
            "DATABASE_URL",
            "mysql://u:canary@h/d",
            "DATABASE_URL must be a URL that starts with postgres:// or postgresql:// "
            "(got a value that is not shown)",
        ),
        (
            "UPSTREAM_BASE_URL",
            "https://user:canary@host",
            "UPSTREAM_BASE_URL must be a URL: http:// or https://, a host, no user, query or fragment "
            "(got 'https://***@host')",
        ),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: str, text: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load({name: value})
    assert str(refused.value) == text


@pytest.mark.parametrize(
    ("name", "value", "parsed"),
    [
        ("ROUTER_PORT", "080", 80),
        ("ROUTER_PORT", "+80", 80),
        ("ROUTER_HOST", "[::1]", "[::1]"),
        ("VERBOSE", "1", True),
        ("VERBOSE", "On", True),
        ("VERBOSE", "no", False),
        ("STORAGE_POLICY", "LINO", "text"),
        ("STORAGE_POLICY", "", "both"),
        ("UPSTREAM_PROVIDER", "LiteLLM", "openai-compatible"),
        ("ROUTING_MODE", "subprocess", "cli"),
        ("TOKEN_ADMIN_KEY", " ", " "),
        ("OPENAI_COMPATIBLE_MODELS", "a, b", ("a", " b")),
        ("GONKA_MODEL", "", ""),
        ("ADDITIONAL_ACCOUNT_DIRS", " /a , /b", (Path(" /a "), Path(" /b"))),
        ("CLAUDE_CODE_HOME", "", Path()),
        ("ANTHROPIC_EXTRA_PATHS", "", ()),
        ("TRUSTED_PROXIES", "10.1.2.3/8, ::1", ("10.0.0.0/8", "::1/128")),
    ],
)
def test_a_good_value_is_typed(name: str, value: str, parsed: object) -> None:
    assert getattr(load({name: value}), name) == parsed


def test_options_show_no_secret_when_printed() -> None:
    options = load(
        {"TOKEN_ADMIN_KEY": "CANARY", "REDIS_URL": "redis://:CANARY@h", "ENCRYPTION_KEYS": "CANARY"}
    )
    assert options.ENCRYPTION_KEYS == ("CANARY",)
    assert "CANARY" not in repr(options)


def test_homes_without_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    options = reading.load({})
    assert str(options.CLAUDE_CODE_HOME) == "/root/.claude"
    assert str(options.DATA_DIR) == "/var/lib/link-assistant-router/.link-assistant-router"


def test_providers_that_need_more() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^Gonka provider requires GONKA_PRIVATE_KEY\. Make sure your"
    ):
        load({"UPSTREAM_PROVIDER": "gonka"})
    for named, values in {
        "GONKA_BROKER_API_KEY": {"GONKA_MODE": "broker", "GONKA_BROKER_URL": "https://b"},
        "GONKA_PRIVATE_KEY": {"GONKA_MODE": "signed", "GONKA_PRIVATE_KEY": "CANARY-key"},
        "GONKA_MODE": {"GONKA_MODE": "direct"},
        "GONKA_BROKER_URL": {"GONKA_BROKER_URL": "broker.example"},
        "GONKA_ENDPOINTS": {"GONKA_ENDPOINTS": "https://node"},
    }.items():
        with pytest.raises(ConfigurationError, match=named) as refused:
            load({"UPSTREAM_PROVIDER": "gonka", **values})
        assert "CANARY" not in str(refused.value)
    with pytest.raises(ConfigurationError, match=r"^Crater provider requires CRATER_FORGEFED_INBOX$"):
        load({"UPSTREAM_PROVIDER": "crater", "CRATER_FORGEFED_INBOX": "  "})


def run(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        cwd=tmp_path,
        env={**clean, "HOME": str(tmp_path), "ROUTER_HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_the_command_line_stops_with_2_and_says_where_the_value_came_from(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("STORAGE_POLICY=zzz\n")
    result = run(tmp_path, "check", TOKEN_SECRET="canary-canary")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "Configuration error: STORAGE_POLICY must be one of: memory, text, binary, both (got 'zzz' from .env)\n"
    )


def test_commands_need_a_secret(tmp_path: Path) -> None:
    result = run(tmp_path, "migrate")
    assert result.returncode == 2
    assert result.stderr == "Configuration error: TOKEN_SECRET environment variable is required\n"
    assert list(tmp_path.iterdir()) == []


def test_settings_of_a_process_follow_flag_environment_and_files(tmp_path: Path) -> None:
    (tmp_path / ".lenv").write_text("ROUTER_PORT: 3\nMPP_METHOD: lenv\n")
    (tmp_path / ".env").write_text(f"TOKEN_SECRET={'k' * 40}\nMPP_METHOD=env\nMPP_RECIPIENT=env\n")
    shown = "g.ROUTER_PORT, g.MPP_METHOD, g.MPP_RECIPIENT, g.MPP_AMOUNT"
    code = f"from django.conf import settings; g = settings.GATEWAY; print({shown})"
    result = run(tmp_path, "shell", "--no-imports", "-c", code, "--mpp-amount", "0.5", ROUTER_PORT="2")
    assert result.stdout == "2 ('lenv',) env 0.5\n", result.stderr


@pytest.mark.parametrize("name", ["TOKEN_SECRET", "token_admin_key ", "REDIS_URL_FILE"])
def test_no_provider_is_called_with_a_secret_of_ours(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"OPENAI_COMPATIBLE_API_KEY_ENV: .* secret of this gateway"):
        load({"OPENAI_COMPATIBLE_API_KEY_ENV": name})
