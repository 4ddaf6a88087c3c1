"""WebSockets: where handshakes come in, and the Responses API over one connection."""
