"""What keeps the gateway from starting, and what only earns a warning."""

from typing import Any

import pytest
from django.core.checks import ERROR

from gateway import checks

STRONG = "0b8f5c6e2d1a4f7c9b3e8d6a5f4c2b1e"


@pytest.fixture
def configure(settings: Any) -> Any:
    def apply(**values: object) -> list[str]:
        base = {"ROUTER_HOST": "0.0.0.0", "TOKEN_SECRET": STRONG, "TOKEN_ADMIN_KEY": "key"}
        for name, value in {**base, **values}.items():
            setattr(settings, name, value)
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
        ({"MPP_ENABLE": True}, ["E gateway.E006"]),
        ({"UPSTREAM_PROVIDER": "gonka"}, ["E gateway.E007"]),
        ({"UPSTREAM_PROVIDER": "crater"}, ["E gateway.E007"]),
        ({"UPSTREAM_PROVIDER": "openai-compatible", "OPENAI_COMPATIBLE_MODEL": "m"}, []),
        ({"GONKA_MODEL": "m", "REDIS_URL": "redis://h"}, ["W gateway.W007"]),
        ({"ROUTING_MODE": "cli"}, ["W gateway.W007"]),
        ({"EXPERIMENTAL_COMPATIBILITY": True, "UNKNOWN_MODEL": "map"}, ["W gateway.W007"]),
    ],
)
def test_problems(configure: Any, values: dict[str, object], problems: list[str]) -> None:
    assert configure(**values) == problems


def test_no_problem_shows_a_secret(configure: Any) -> None:
    configure(TOKEN_SECRET="canary", TOKEN_ADMIN_KEY="")
    assert not [problem for problem in checks.serving() if "canary" in f"{problem.msg}{problem.hint}"]
