"""Tell this process that there is something to deliver, or that something came in."""

from gateway.kernel.changes import Listeners

outgoing = Listeners("delivery")
incoming = Listeners("federation")
