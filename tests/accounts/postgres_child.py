"""Migrate, write, race and read on a PostgreSQL of the test's own. Argument: the database as JSON."""

from __future__ import annotations

import json
import os
import sys
import threading

from tests.principals import SOMEBODY

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django
from django.conf import settings

settings.DATABASES["default"] = json.loads(sys.argv[1])
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from accounts import services  # noqa: E402
from accounts.credentials.refresh import Refresher, RefreshOptions  # noqa: E402
from accounts.models import Account, AccountsRevision, Cooldown  # noqa: E402
from accounts.pool import store  # noqa: E402
from accounts.pool.cooldown import CooldownState  # noqa: E402
from gateway.kernel.secrets import fingerprint  # noqa: E402
from providers.drivers.base import Scope  # noqa: E402
from tests.accounts.refreshing import logins  # noqa: E402

NOW = 1_800_000_000.0
URL = sys.argv[2]


def race(work: object, count: int) -> None:
    def run() -> None:
        work()  # type: ignore[operator]
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


call_command("migrate", verbosity=0)
services.add(
    {"name": "o", "source": "oauth", "secret": "sk-ant-oat01-0", "refresh_token": "sk-ant-ort01-0"},
    principal=SOMEBODY,
)
account = Account.objects.get().id
race(lambda: services.update("o", {"weight": 2}, principal=SOMEBODY), 3)
cooldowns = {
    (account, (Scope.MODEL, name)): CooldownState(Scope.MODEL, name, NOW, NOW + 60, "why\0")
    for name in ("nul\0", "\ud800", "x" * 300 + "a", "x" * 300 + "b")
}
for _ in range(2):
    store.write_cooldowns(cooldowns, {account: "f"}, NOW)
refresher = Refresher(RefreshOptions(look_seconds=0.05), logins(URL))
race(lambda: refresher.refresh(account, fingerprint("sk-ant-oat01-0")), 3)
print(
    json.dumps(
        {
            "revision": AccountsRevision.objects.get().value,
            "cooldowns": sorted(Cooldown.objects.values_list("value", flat=True)),
            "changes": store.read_since(4) is not None,
        }
    )
)
