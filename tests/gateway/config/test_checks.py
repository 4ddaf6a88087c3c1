"""What keeps the gateway from starting, and what only earns a warning."""

from typing import Any

import pytest
from django.conf import settings
from django.core.checks import ERROR

from gateway.config import checks

STRONG = "0b8f5c6e2d1a4f7c9b3e8d6a5f4c2b1e"


@pytest.fixture
def configure(options: Any) -> Any:
    def apply(**values: object) -> list[str]:
        options(**{"ROUTER_HOST": "0.0.0.0", "TOKEN_SECRET": STRONG, "TOKEN_ADMIN_KEY": "key", **values})
        return [("E " if problem.level >= ERROR else "W ") + str(problem.id) for problem in checks.serving()]

    return apply


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({}, []),
        ({"TOKEN_SECRET": ""}, ["E gateway.E001"]),
        ({"TOKEN_SECRET": STRONG[:31]}, ["E gateway.E002"]),
        ({"TOKEN_SECRET": "ab" * 20}, ["E gateway.E002"]),
        ({"TOKEN_SECRET": "replace-with-secure-secret-of-32-bytes-or-more"}, ["E gateway.E002"]),
        ({"TOKEN_SECRET": "short", "ALLOW_WEAK_SECRET": True}, ["W gateway.W002"]),
        ({"TOKEN_SECRET": "short", "ROUTER_HOST": "127.0.0.1"}, ["W gateway.W002"]),
        ({"TOKEN_ADMIN_KEY": ""}, ["E gateway.E003"]),
        ({"TOKEN_ADMIN_KEY": "", "ROUTER_HOST": "[::]"}, ["E gateway.E003"]),
        ({"TOKEN_ADMIN_KEY": "", "ROUTER_HOST": "[::1]"}, []),
        ({"TOKEN_ADMIN_KEY": "", "ROUTER_HOST": "127.0.0.1"}, []),
        ({"TOKEN_ADMIN_KEY": "", "ALLOW_ANONYMOUS_ADMIN": True}, ["W gateway.W003"]),
        ({"WORKERS": 2}, ["E gateway.E004", "E gateway.E005"]),
        ({"WORKERS": 2, "DATABASE_URL": "postgres://h/d"}, ["E gateway.E005"]),
        ({"WORKERS": 2, "DATABASE_URL": "postgres://h/d", "REDIS_URL": "redis://h"}, []),
        ({"WORKERS": 2, "DATABASE_URL": "postgres://h/d", "ALLOW_LOCAL_LIMITS": True}, []),
        ({"UPSTREAM_PROVIDER": "gonka", "GONKA_PRIVATE_KEY": "any"}, ["W gateway.W017"]),
        ({"UPSTREAM_PROVIDER": "gonka", "GONKA_PRIVATE_KEY": "any", "GONKA_MODE": "reference"}, []),
        ({"UPSTREAM_PROVIDER": "gonka", "GONKA_BROKER_URL": "https://b", "GONKA_BROKER_API_KEY": "k"}, []),
        ({"UPSTREAM_PROVIDER": "crater", "CRATER_FORGEFED_INBOX": "https://t.example/inbox"}, []),
        ({"CRATER_FORGEFED_ACTOR": "https://actor.example/me"}, ["E gateway.E009"]),
        ({"CRATER_FORGEFED_ACTOR": f"{settings.ACTOR_BASE_URL}/actor/code///"}, []),
        ({"FORGEFED_ALLOW_UNSIGNED": True}, ["W gateway.W010"]),
        ({"ACTIVITYPUB_PUBLIC_KEY_PEM": "a key of somebody's"}, ["W gateway.W009"]),
        ({"ACTIVITYPUB_PRIVATE_KEY_PEM": "no key"}, ["E gateway.E008"]),
        ({"UPSTREAM_PROVIDER": "openai-compatible", "OPENAI_COMPATIBLE_MODEL": "m"}, []),
        ({"CLAUDE_CLI_BIN": "c", "REDIS_URL": "redis://h"}, []),
        ({"ROUTING_MODE": "cli"}, []),
        ({"EXPERIMENTAL_COMPATIBILITY": True, "UNKNOWN_MODEL": "map"}, []),
    ],
)
def test_problems(configure: Any, values: dict[str, object], problems: list[str]) -> None:
    assert configure(**values) == problems


def test_no_problem_shows_a_secret(configure: Any) -> None:
    configure(TOKEN_SECRET="canary", TOKEN_ADMIN_KEY="")
    assert not [problem for problem in checks.serving() if "canary" in f"{problem.msg}{problem.hint}"]


def test_a_collector_without_the_library_is_told(configure: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.test:4318"}
    assert configure(**named) == []
    monkeypatch.setattr(checks, "is_installed", lambda _: False)
    assert configure(**named) == ["W gateway.W019"]
