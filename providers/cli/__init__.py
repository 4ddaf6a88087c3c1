"""Calls served by a Claude command line: one process each."""
