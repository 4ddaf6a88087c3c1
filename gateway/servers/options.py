"""Options of serving: the values that the command line has read and checked."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

Message = MutableMapping[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Sizes in bytes, times in seconds. `port` 0 = any free one; the real one is announced."""

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    """1 = serve in this process; more = this process becomes the parent of that many."""
    max_body_bytes: int = 32 * 1024 * 1024
    max_buffered_bytes: int = 512 * 1024 * 1024
    """Request bodies held at one time by one process; beyond it 503."""
    idle_seconds: float = 75.0
    """How long a connection is kept for the next request: longer than a proxy in front keeps it (nginx: 60),
    for the proxy must close first. Also the time for a request's head and the longest pause in its body."""
    drain_seconds: float = 600.0
    drain_delay_seconds: float = 0.0
    fd: int | None = None
    """A socket somebody else has bound: served instead of host and port."""
    supervisor_fd: int | None = None
    """One end of a stream socket pair. We write one byte once we listen; b"X" from there ends us at once, its
    end (the parent died) lets us drain."""
    run_directory: str = ""
    """Where workers of one parent leave what the others shall read; made and removed by the parent."""
    on_listening: Callable[[str], None] | None = field(default=None, compare=False)
    """Called with the base URL after connections are accepted: in the parent when there are workers."""
