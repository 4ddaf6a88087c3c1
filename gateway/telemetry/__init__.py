"""Logs, request ids, counters and metrics of the process and its workers."""
