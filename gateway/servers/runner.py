"""The one entry: serve an application with the server of that name, here or in workers."""

import contextlib
import importlib
import socket
from collections.abc import Callable
from typing import cast

from gateway.servers import sockets, workers
from gateway.servers.collector import uncollected
from gateway.servers.errors import NotOfferedError
from gateway.servers.options import ASGIApp, ServeOptions

SERVERS = {"daphne": "gateway.servers.daphne", "uvicorn": "gateway.servers.uvicorn"}
"""By name only: importing daphne makes an event loop, which a parent of workers must not have."""


def run(server: str, application: str | ASGIApp, options: ServeOptions) -> int:
    """Serve until a signal ends it. Returns the exit status: 0 after a drain, 1 if a worker did not start.

    `application` is an ASGI application or `module:attribute`; with workers it must be the latter. They get
    this process's environment and `sys.path`, nothing else. Raises ServeError: its text is for the operator.
    """
    if server not in SERVERS:
        raise NotOfferedError(f"no such server: {server!r} (one of: {', '.join(SERVERS)})")
    if options.workers < 1:
        raise NotOfferedError(f"workers must be 1 or more, not {options.workers}")
    with contextlib.closing(sockets.open_socket(options)) as sock:
        if options.workers > 1:
            if not isinstance(application, str):
                raise NotOfferedError("workers need the application as 'module:attribute'")
            return workers.supervise(workers.Job(server, application, options), sock)
        with uncollected():
            serve = cast(Serve, importlib.import_module(SERVERS[server]).serve)
            loaded = load(application)
        serve(loaded, options, sock)
    return 0


Serve = Callable[[ASGIApp, ServeOptions, socket.socket], None]


def load(application: str | ASGIApp) -> ASGIApp:
    """Import `module:attribute`; an application is returned as it is."""
    if not isinstance(application, str):
        return application
    module, _, attribute = application.partition(":")
    if not module or not attribute:
        raise NotOfferedError(f"not 'module:attribute': {application!r}")
    return cast(ASGIApp, getattr(importlib.import_module(module), attribute))
