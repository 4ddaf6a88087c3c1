"""Twisted's reactor on uvloop, and daphne's classes, which make one of their own unless there is one.

Importing this (or `daphne.server` anywhere) makes an event loop: never before a fork, never in a parent of
workers, and `daphne` stays out of INSTALLED_APPS.
"""

import asyncio
import sys
from typing import Any, cast

import uvloop
from twisted.internet import asyncioreactor

# Before daphne is imported.
if "twisted.internet.reactor" not in sys.modules:
    asyncioreactor.install(uvloop.new_event_loop())  # type: ignore[no-untyped-call]

from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import reactor as installed

reactor = cast(Any, installed)
loop: asyncio.AbstractEventLoop = reactor._asyncioEventloop

__all__ = ["HTTPFactory", "Server", "WebRequest", "WebSocketFactory", "WebSocketProtocol", "loop", "reactor"]
