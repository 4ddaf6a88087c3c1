"""The live feed: calls of all workers, as they end, over a WebSocket. It reads rows, and only while somebody looks."""
