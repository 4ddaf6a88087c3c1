"""HTTP/1.1 to upstreams: connections that are dialled, used one exchange at a time, and kept for the next."""
