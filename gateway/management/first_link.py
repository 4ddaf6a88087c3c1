"""Tell whoever starts the gateway how the first admin is made, on the terminal alone: the log keeps no secret."""

from __future__ import annotations

from django.conf import settings

from gateway.kernel.principal import GATEWAY
from tokens.people import first
from tokens.people.errors import HasAdmin


def needed() -> str:
    """Make a link and return its secret; "" where there is an admin, or no page to make one at."""
    if settings.GATEWAY.DISABLE_CONSOLE or not first.is_needed():
        return ""
    try:
        return first.make_link(principal=GATEWAY).secret
    except HasAdmin:
        return ""


def address(base: str, secret: str) -> str:
    """Return the link, at PUBLIC_URL where there is one."""
    public: str = settings.GATEWAY.PUBLIC_URL
    local = base.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    return f"{(public or local).rstrip('/')}/setup/{secret}"


def usual() -> str:
    """Return the address that the options name, where no server has said which one it took."""
    host, port = settings.GATEWAY.ROUTER_HOST, settings.GATEWAY.ROUTER_PORT
    return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{port}"
