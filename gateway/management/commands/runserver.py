"""The command `runserver`: the same application for work on the code, restarted when a file changes.

Plain uvicorn in the reloader's thread, without drain or workers. `serve` is for serving.
"""

from __future__ import annotations

from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.commands.runserver import Command as DjangoCommand

from gateway.management.commands.serve import migrate


class Command(DjangoCommand):
    """Serves from the reloader's thread."""

    help = "Start the gateway for development: reloads on changes, no drain, one process."
    default_port = str(settings.GATEWAY.ROUTER_PORT)
    addr: str
    port: str
    _raw_ipv6: bool

    def inner_run(self, *args: Any, **options: Any) -> None:
        self.check(display_num_errors=True)
        migrate()
        host = f"[{self.addr}]" if self._raw_ipv6 else self.addr
        self.stdout.write(f"Listening on {self.protocol}://{host}:{self.port} (for development)\n")
        self.stdout.flush()
        config = uvicorn.Config(
            "gateway.asgi:application",
            host=self.addr,
            port=int(self.port),
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        uvicorn.Server(config).run()
