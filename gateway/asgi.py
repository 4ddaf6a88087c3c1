"""The ASGI application. A path in the table of surfaces goes to the relay; everything else goes to Django."""

from __future__ import annotations

import os
from typing import cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application
from django.urls import path

django_application = get_asgi_application()

from gateway.access.sessions import Watched  # noqa: E402  (apps must be ready first)
from gateway.access.sockets import Pages  # noqa: E402
from gateway.entrypoints import App, AsgiEntryPoint  # noqa: E402
from gateway.runtime.composition import current  # noqa: E402
from gateway.runtime.lifespan import Lifespan  # noqa: E402
from gateway.sockets.entry_point import SocketEntryPoint  # noqa: E402
from gateway.sockets.feed.connection import Connections  # noqa: E402
from gateway.sockets.feed.feed import Feed  # noqa: E402
from gateway.sockets.feed.looking import lookers, may_look  # noqa: E402

pages = Pages((path("ws/feed", Connections(Feed(Watched(lookers)))),), may_look)  # type: ignore[arg-type]
"""Pages for people that are served over a WebSocket."""

runtime = current()
application: App = ProtocolTypeRouter(  # type: ignore[no-untyped-call]
    {
        "http": AsgiEntryPoint(runtime, cast(App, django_application)),
        "websocket": SocketEntryPoint(runtime, pages),
        "lifespan": Lifespan(runtime),
    }
)
