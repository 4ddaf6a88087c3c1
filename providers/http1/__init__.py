"""HTTP/1.1 to upstreams: connections that are dialled, used for one exchange at a time, and kept."""
