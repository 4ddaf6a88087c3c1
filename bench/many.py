"""Start gateways of several workers for the benches, with a PostgreSQL and a Redis of their own."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from bench import subjects
from tests.fakes.postgres import Postgres
from tests.fakes.redis import RedisServer


@contextmanager
def stores(workers):
    """Give the settings that `workers` workers need, and the PostgreSQL behind them (None for one worker)."""
    if workers == 1:
        yield {}, None
        return
    postgres, redis = Postgres(), RedisServer()
    try:
        postgres.start()
        redis.start()
        yield {"DATABASE_URL": postgres.url(), "REDIS_URL": redis.url, "WORKERS": str(workers)}, postgres
    finally:
        redis.close()
        postgres.close()


def accounts(directory, count):
    """Return settings for `count` accounts with tokens of their own."""
    homes = [Path(directory) / f"home{number}" for number in range(count)]
    for number, home in enumerate(homes):
        home.mkdir()
        pair = {"claudeAiOauth": {"accessToken": f"sk-ant-oat01-bench-{number}"}}
        (home / ".credentials.json").write_text(json.dumps(pair))
    return {"CLAUDE_CODE_HOME": str(homes[0]), "ADDITIONAL_ACCOUNT_DIRS": ",".join(map(str, homes[1:]))}


@contextmanager
def gateway(upstream_url, workers=1, server="uvicorn", settings=None):
    """Run a gateway; give `(subject, token, postgres)`."""
    with (
        tempfile.TemporaryDirectory(prefix="gateway-bench-") as directory,
        stores(workers) as (shared, postgres),
    ):
        env = {
            "DATA_DIR": directory,
            "ROUTER_HOME": directory,
            "TOKEN_SECRET": secrets.token_hex(32),
            "TOKEN_ADMIN_KEY": secrets.token_hex(16),
            "UPSTREAM_BASE_URL": upstream_url,
            "LOG_LEVEL": "error",
            **accounts(directory, 2),
            **shared,
            **(settings or {}),
        }
        manage = [sys.executable, str(subjects.ROOT / "manage.py")]

        def run(*arguments):
            done = subprocess.run(
                [*manage, *arguments],
                cwd=directory,
                env={**os.environ, **env},
                check=True,
                capture_output=True,
                text=True,
            )
            return done.stdout.strip()

        run("migrate", "--verbosity", "0")
        token = run("tokens", "issue", "--label", "bench")
        command = [*manage, "serve", "--server", server, "--host", "127.0.0.1", "--port", "0"]
        with subjects.started(f"{workers} workers, {server}", None, command, directory, env) as subject:
            yield subject, token, postgres
