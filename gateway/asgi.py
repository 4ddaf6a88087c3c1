"""The front door. A path in the table of surfaces goes to the relay; everything else goes to Django."""

from __future__ import annotations

import os
from typing import cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from gateway.doors import App, FastDoor  # noqa: E402
from gateway.lifespan import Lifespan  # noqa: E402  (apps must be ready first)
from gateway.runtime import runtime  # noqa: E402

application: App = ProtocolTypeRouter(  # type: ignore[no-untyped-call]
    {"http": FastDoor(runtime, cast(App, django_application)), "lifespan": Lifespan(runtime)}
)
