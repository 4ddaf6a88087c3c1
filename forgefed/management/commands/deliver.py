"""`router deliver`: work deliveries off until SIGTERM, or once."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.db import DatabaseError

from forgefed.client import client
from forgefed.delivering import Deliverer
from forgefed.management import arguments
from gateway.kernel.commands import ResultCommand


class Command(ResultCommand):
    help = "Deliver messages to other servers, until SIGTERM. `serve` does this by itself, unless configured otherwise."

    declare = staticmethod(arguments.deliver)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tried = asyncio.run(_once() if options["once"] else _until_told())
        except DatabaseError as problem:
            self.fail(f"error: database: {problem}")
        if options["once"]:
            self.say(options, {"tried": tried}, [f"{tried} tried"])


async def _once() -> int:
    return await Deliverer(client(is_in_request=False)).once()


async def _until_told() -> int:
    deliverer = Deliverer(client(is_in_request=False))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, deliverer.stop)
    await deliverer.run()
    return 0
