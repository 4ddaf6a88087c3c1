"""Tries: what may be done a few times from one place before it has to wait, counted for all processes."""
