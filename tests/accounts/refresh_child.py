"""Refresh one account from many tasks at once. Arguments: see below."""

from __future__ import annotations

import asyncio
import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django
from django.conf import settings

DATABASE, URL, ACCOUNT, REFUSED, LEASE_SECONDS, TASKS = sys.argv[1:]
settings.DATABASES["default"]["NAME"] = DATABASE
django.setup()

from accounts.credentials.refresh import Refresher, RefreshOptions  # noqa: E402
from accounts.errors import RefreshFailed  # noqa: E402
from accounts.maintenance import RefreshRunner  # noqa: E402
from accounts.pool.pool import Pool  # noqa: E402
from tests.accounts.refreshing import logins  # noqa: E402


async def main() -> str:
    options = RefreshOptions(lease_seconds=float(LEASE_SECONDS), look_seconds=0.05, pause_seconds=0.05)
    runner = RefreshRunner(Refresher(options, logins(URL)))
    results = await asyncio.gather(
        *(runner(int(ACCOUNT), REFUSED) for _ in range(int(TASKS))), return_exceptions=True
    )
    for result in results:
        if isinstance(result, RefreshFailed):
            return f"failed: {result}"
        if result is not None:
            raise result
    return "refreshed"


print("ready", flush=True)
sys.stdin.readline()
word = asyncio.run(main())
pool = Pool()
pool.load()
print(
    word,
    pool.states()[0].loaded.credential.secret if pool.states()[0].loaded.credential else "none",
    flush=True,
)
