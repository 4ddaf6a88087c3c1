"""A process that refreshes one account from many tasks at once. Arguments: see below."""

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

from accounts.errors import RefreshFailed  # noqa: E402
from accounts.keeper import RefreshDoor  # noqa: E402
from accounts.pool import Pool  # noqa: E402
from accounts.refresh import Refresher, RefreshOptions  # noqa: E402


async def main() -> str:
    options = RefreshOptions(URL, lease_seconds=float(LEASE_SECONDS), look_seconds=0.05, pause_seconds=0.05)
    door = RefreshDoor(Refresher(options))
    results = await asyncio.gather(
        *(door(int(ACCOUNT), REFUSED) for _ in range(int(TASKS))), return_exceptions=True
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
